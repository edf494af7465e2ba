"""DICOM objects for tests: written by pydicom from rendered pictures, in every coding that is read.

Every object carries canaries where a patient's name would be; nothing may ever show them.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from jpeg_ls import encode_array
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.pixels.encoders.native import _encode_frame as rle_encoded
from pydicom.uid import UID, ExplicitVRBigEndian, ImplicitVRLittleEndian

from dermoscopy.dicom import syntaxes
from tests.dermoscopy.files import encode, picture
from tests.dermoscopy.jpeg_lossless import encode_lossless

CANARY = "Canary^Jane"
DERMOSCOPIC = "1.2.840.10008.5.1.4.1.1.77.1.7"
PHOTOGRAPHIC = "1.2.840.10008.5.1.4.1.1.77.1.4"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
STUDY = "1.2.826.0.1.3680043.8.498.1"

Pixels = NDArray[np.uint8] | NDArray[np.uint16]


def dataset(sop_class: str = DERMOSCOPIC, **changes: object) -> Dataset:
    """The data set of an object without its pixels; of `changes` None takes an attribute away."""
    attributes: dict[str, object] = {
        "SOPClassUID": sop_class,
        "SOPInstanceUID": f"{STUDY}.3",
        "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": f"{STUDY}.2",
        "StudyDate": "20260102",
        "StudyTime": "101112",
        "StudyID": "canary-study",
        "AccessionNumber": "canary-7",
        "ReferringPhysicianName": CANARY,
        "PatientName": CANARY,
        "PatientID": "canary-1970",
        "PatientBirthDate": "19700101",
        "PatientSex": "F",
        "Modality": "DMS",
        "Manufacturer": "melanoserve tests",
        "SeriesNumber": 1,
        "InstanceNumber": 1,
        "BurnedInAnnotation": "NO",
        "PixelRepresentation": 0,
        **changes,
    }
    found = Dataset()
    for name, value in attributes.items():
        if value is not None:
            setattr(found, name, value)
    return found


def describe(found: Dataset, pixels: Pixels, photometric: str, bits: int | None = None) -> None:
    """Sets the attributes of the pixels, [rows, columns] or [rows, columns, 3]."""
    found.Rows, found.Columns = pixels.shape[:2]
    found.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    if pixels.ndim == 3:
        found.PlanarConfiguration = 0
    found.PhotometricInterpretation = photometric
    found.BitsAllocated = 8 * pixels.dtype.itemsize
    found.BitsStored = bits or found.BitsAllocated
    found.HighBit = found.BitsStored - 1


def write(found: Dataset, syntax: str) -> bytes:
    """The file of a data set."""
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = UID(syntax)
    out = io.BytesIO()
    found.save_as(
        out,
        implicit_vr=syntax == ImplicitVRLittleEndian,
        little_endian=syntax != ExplicitVRBigEndian,
        enforce_file_format=True,
    )
    return out.getvalue()


def native(
    pixels: Pixels,
    photometric: str = "RGB",
    *,
    syntax: str = syntaxes.EXPLICIT,
    planar: bool = False,
    bits: int | None = None,
    stored: bytes | None = None,
    sop_class: str = DERMOSCOPIC,
    **changes: object,
) -> bytes:
    """An object whose pixels are not compressed; `stored` in place of the bytes of `pixels`."""
    found = dataset(sop_class)
    describe(found, pixels, photometric, bits)
    for name, value in changes.items():
        setattr(found, name, value)
    if planar:
        found.PlanarConfiguration = 1
        pixels = pixels.transpose(2, 0, 1)
    swapped = syntax == syntaxes.BIG_ENDIAN and pixels.dtype.itemsize == 2
    ordered = pixels.byteswap().tobytes() if swapped else pixels.tobytes()
    data = ordered if stored is None else stored
    found.PixelData = data + b"\0" * (len(data) % 2)
    found["PixelData"].VR = "OW" if found.BitsAllocated == 16 else "OB"
    return write(found, syntax)


def coded(
    frames: Sequence[bytes],
    pixels: Pixels,
    photometric: str,
    syntax: str,
    *,
    bits: int | None = None,
    fragments: int = 1,
    table: bool = True,
    extended: bool = False,
    sop_class: str = DERMOSCOPIC,
    **changes: object,
) -> bytes:
    """An object of coded frames; `pixels` says what they are decoded to."""
    found = dataset(sop_class, **changes)
    describe(found, pixels, photometric, bits)
    for name, value in changes.items():
        setattr(found, name, value)
    if len(frames) > 1:
        found.NumberOfFrames = len(frames)
    if extended:
        found.PixelData, found.ExtendedOffsetTable, found.ExtendedOffsetTableLengths = encapsulate_extended(
            list(frames)
        )
    else:
        found.PixelData = encapsulate(list(frames), fragments_per_frame=fragments, has_bot=table)
    found["PixelData"].VR = "OB"
    found["PixelData"].is_undefined_length = True
    return write(found, syntax)


def jpeg(image: Image.Image, *, jfif: bool = True, **options: object) -> bytes:
    """A JPEG by Pillow, which says by its JFIF marker that it is YCbCr; `jfif=False` takes the marker away."""
    data = encode(image, "JPEG", **{"quality": 92, **options})
    return data if jfif else data[:2] + data[2 + 2 + int.from_bytes(data[4:6], "big") :]


def jpeg_2000(image: Image.Image, **options: object) -> bytes:
    """A codestream by Pillow, lossless unless said otherwise."""
    return encode(image, "JPEG2000", no_jp2=True, **{"mct": int(image.mode == "RGB"), **options})


def jpeg_ls(pixels: Pixels, *, interleave: int | None = None, error: int = 0) -> bytes:
    mode = (2 if pixels.ndim == 3 else 0) if interleave is None else interleave
    if pixels.ndim == 3 and not mode:
        pixels = pixels.transpose(2, 0, 1)
    return bytes(encode_array(np.ascontiguousarray(pixels), interleave_mode=mode, lossy_error=error))


def rle(pixels: Pixels) -> bytes:
    """Run lengths by pydicom."""
    return bytes(
        rle_encoded(
            pixels.tobytes(),
            Options(pixels),  # type: ignore[arg-type]  # all that it asks of its runner
        )
    )


class Options:
    """What pydicom's encoder asks of the pixels."""

    def __init__(self, pixels: Pixels) -> None:
        self.options: dict[str, Any] = {"byteorder": "<"}
        self.rows, self.columns = pixels.shape[:2]
        self.samples_per_pixel = 3 if pixels.ndim == 3 else 1
        self.bits_allocated = 8 * pixels.dtype.itemsize

    def get_option(self, name: str, default: Any = None) -> Any:
        return self.options.get(name, default)


class Made(NamedTuple):
    """A file, and the picture that it shows, uint8[rows, columns, 3]."""

    data: bytes
    shown: NDArray[np.uint8]


def rgb(size: tuple[int, int] = (72, 56)) -> NDArray[np.uint8]:
    """A rendered lesion, uint8[rows, columns, 3]."""
    return np.asarray(picture("RGB", size))


def grey() -> NDArray[np.uint8]:
    """uint8[rows, columns]."""
    return np.asarray(picture("L"))


def difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Mean absolute, in grey levels."""
    return float(np.abs(one.astype(int) - other).mean())


def threefold(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(pixels[..., np.newaxis], 3, axis=-1)


@cache
def lossless_files() -> dict[str, Made]:
    """Name -> object whose picture is exactly the rendered one."""
    colour, plain = rgb(), grey()
    wide = (colour.astype(np.uint16) << 8 | 0x5A).astype(np.uint16)
    twelve = (plain.astype(np.uint16) << 4 | 0x9).astype(np.uint16)
    few = picture().quantize(200)
    entries = np.frombuffer(bytes(few.getpalette() or b""), np.uint8).reshape(-1, 3)
    index = np.asarray(few, np.uint8)
    palette: dict[str, Any] = {
        f"{name}PaletteColorLookupTable{what}": value
        for at, name in enumerate(("Red", "Green", "Blue"))
        for what, value in (
            ("Descriptor", [len(entries), 0, 16]),
            ("Data", (entries[:, at].astype("<u2") * 257).tobytes()),
        )
    }
    shown = np.asarray(few.convert("RGB"))
    turned = threefold(plain)
    e = syntaxes
    return {
        "explicit": Made(native(colour), colour),
        "implicit": Made(native(colour, syntax=e.IMPLICIT, sop_class=PHOTOGRAPHIC), colour),
        "deflated": Made(native(colour, syntax=e.DEFLATED), colour),
        "big-endian": Made(native(colour, syntax=e.BIG_ENDIAN), colour),
        "big-endian-16": Made(native(wide, syntax=e.BIG_ENDIAN), colour),
        "planar": Made(native(colour, planar=True, sop_class=SECONDARY_CAPTURE), colour),
        "rgb-16": Made(native(wide), colour),
        "grey": Made(native(plain, "MONOCHROME2"), turned),
        "grey-inverted": Made(native(np.invert(plain), "MONOCHROME1"), turned),
        "grey-12": Made(native(twelve, "MONOCHROME2", bits=12), turned),
        "grey-16": Made(native((plain.astype(np.uint16) << 8).astype(np.uint16), "MONOCHROME2"), turned),
        "palette": Made(native(index, "PALETTE COLOR", **palette), shown),
        "rle": Made(coded([rle(colour)], colour, "RGB", e.RLE), colour),
        "rle-16": Made(coded([rle(wide)], wide, "RGB", e.RLE), colour),
        "rle-grey": Made(coded([rle(plain)], plain, "MONOCHROME2", e.RLE), turned),
        "rle-palette": Made(coded([rle(index)], index, "PALETTE COLOR", e.RLE, **palette), shown),
        "jpeg-ls": Made(coded([jpeg_ls(colour)], colour, "RGB", e.JPEG_LS), colour),
        "jpeg-ls-lines": Made(coded([jpeg_ls(colour, interleave=1)], colour, "RGB", e.JPEG_LS), colour),
        "jpeg-ls-planes": Made(coded([jpeg_ls(colour, interleave=0)], colour, "RGB", e.JPEG_LS), colour),
        "jpeg-ls-grey-16": Made(
            coded([jpeg_ls(plain.astype(np.uint16) * 257)], plain.astype(np.uint16), "MONOCHROME2", e.JPEG_LS), turned
        ),
        "jpeg-2000": Made(coded([jpeg_2000(picture())], colour, "YBR_RCT", e.JPEG_2000_LOSSLESS), colour),
        "jpeg-2000-rgb": Made(coded([jpeg_2000(picture(), mct=0)], colour, "RGB", e.JPEG_2000_LOSSLESS), colour),
        "jpeg-2000-tiles": Made(
            coded([jpeg_2000(picture(), tile_size=(32, 32))], colour, "YBR_RCT", e.JPEG_2000), colour
        ),
        "jpeg-2000-grey-16": Made(
            coded([jpeg_2000(picture("I;16"))], plain.astype(np.uint16), "MONOCHROME2", e.JPEG_2000_LOSSLESS), turned
        ),
        "jpeg-lossless": Made(coded([encode_lossless(colour)], colour, "RGB", e.JPEG_LOSSLESS_FIRST), colour),
        "jpeg-lossless-grey": Made(
            coded([encode_lossless(plain)], plain, "MONOCHROME2", e.JPEG_LOSSLESS_FIRST, fragments=3), turned
        ),
        "jpeg-lossless-7": Made(coded([encode_lossless(colour, predictor=7)], colour, "RGB", e.JPEG_LOSSLESS), colour),
    }


@cache
def lossy_files() -> dict[str, Made]:
    """Name -> object whose picture is as Pillow decodes the frame, or nearly."""
    made: dict[str, Made] = {}
    image, e = picture(), syntaxes

    def shown(data: bytes) -> NDArray[np.uint8]:
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))

    for name, photometric, options in (
        ("420", "YBR_FULL_422", {}),
        ("444", "YBR_FULL_422", {"subsampling": "4:4:4"}),
        ("full", "YBR_FULL", {"subsampling": "4:2:2"}),
        ("progressive", "YBR_FULL_422", {"progressive": True}),
        ("unmarked", "YBR_FULL_422", {"jfif": False}),
        ("called-rgb", "RGB", {}),
    ):
        data = jpeg(image, **options)
        made[f"jpeg-{name}"] = Made(coded([data], rgb(), photometric, e.JPEG_BASELINE), shown(data))
    data = jpeg(image, keep_rgb=True)
    made["jpeg-rgb"] = Made(coded([data], rgb(), "RGB", e.JPEG_BASELINE), shown(data))
    data = jpeg(picture("L"))
    made["jpeg-grey"] = Made(coded([data], grey(), "MONOCHROME2", e.JPEG_BASELINE), shown(data))
    made["jpeg-grey-inverted"] = Made(coded([data], grey(), "MONOCHROME1", e.JPEG_BASELINE), 255 - shown(data))
    data = jpeg_2000(image, irreversible=True, quality_mode="rates", quality_layers=[12])
    made["jpeg-2000-lossy"] = Made(coded([data], rgb(), "YBR_ICT", e.JPEG_2000), shown(data))
    return made
