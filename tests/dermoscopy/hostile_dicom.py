"""DICOM objects that lie, lack a part, explode, or hold no photograph."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np

from dermoscopy.dicom import syntaxes
from tests.dermoscopy.dicom_files import (
    coded,
    dataset,
    describe,
    jpeg,
    jpeg_2000,
    jpeg_ls,
    lossless_files,
    native,
    rgb,
    rle,
    write,
)
from tests.dermoscopy.files import picture
from tests.dermoscopy.jpeg_lossless import encode_lossless

_OTHER_KINDS = {
    "ct": "1.2.840.10008.5.1.4.1.1.2",
    "mr": "1.2.840.10008.5.1.4.1.1.4",
    "structured-report": "1.2.840.10008.5.1.4.1.1.88.33",
    "pdf": "1.2.840.10008.5.1.4.1.1.104.1",
    "segmentation": "1.2.840.10008.5.1.4.1.1.66.4",
    "whole-slide": "1.2.840.10008.5.1.4.1.1.77.1.6",
    "nonsense": "1.2.3",
}
_UNREAD_SYNTAXES = {
    "mpeg": "1.2.840.10008.1.2.4.100",
    "htj2k": "1.2.840.10008.1.2.4.201",
    "jpip": "1.2.840.10008.1.2.4.94",
}

_UNDEFINED = b"\xff\xff\xff\xff"
_SEQUENCE = b"\x40\x00\x55\x05SQ\0\0"
_ITEM, _ITEM_END, _SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0" + bytes(4), b"\xfe\xff\xdd\xe0" + bytes(4)


def us(tag: int, value: int) -> bytes:
    """An element of two bytes in explicit little endian."""
    return struct.pack("<HH2sHH", tag >> 16, tag & 0xFFFF, b"US", 2, value)


def altered(**changes: Any) -> bytes:
    """An object whose data set says something else than its pixels are."""
    return native(rgb(), **changes)


def _before_pixels(inserted: bytes) -> bytes:
    """An object with something in front of its pixels."""
    data = native(rgb())
    at = data.index(b"\x28\x00\x02\x00US")
    return data[:at] + inserted + data[at:]


def _deflated(body: bytes) -> bytes:
    """A deflated object that inflates to `body` behind its file meta information."""
    plain = lossless_files()["deflated"].data
    start = plain.index(b"1.2.840.10008.1.2.1.99")
    at = plain.index(b"\x02\x00\x12\x00UI", start)
    size = struct.unpack_from("<H", plain, at + 6)[0]
    rest = plain[at + 8 + size :]
    while rest[:2] == b"\x02\0":
        size = struct.unpack_from("<H", rest, 6)[0]
        rest = rest[8 + size :]
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    packed = packer.compress(body) + packer.flush()
    return plain[: len(plain) - len(rest)] + packed


def _sequences() -> dict[str, bytes]:
    open_levels = _SEQUENCE + _UNDEFINED + (_ITEM + _UNDEFINED + _SEQUENCE + _UNDEFINED) * 2_000
    return {
        "nested-2000-deep": _before_pixels(open_levels),
        "nested-2000-deep-and-closed": _before_pixels(
            open_levels + _SEQUENCE_END + (_ITEM_END + _SEQUENCE_END) * 2_000
        ),
        "sequence-without-end": _before_pixels(_SEQUENCE + _UNDEFINED + _ITEM + b"\x08\0\0\0" + bytes(8)),
        "sequence-of-4-gigabytes": _before_pixels(_SEQUENCE + b"\xfe\xff\xff\xff"),
        "item-of-4-gigabytes": _before_pixels(_SEQUENCE + _UNDEFINED + _ITEM + b"\xfe\xff\xff\xff"),
        "item-outside": _before_pixels(_ITEM + bytes(4)),
        "element-among-items": _before_pixels(_SEQUENCE + _UNDEFINED + us(0x00400001, 1)),
        "20000-empty-elements": _before_pixels(us(0x00281199, 0) * 20_000),
        "private-of-4-gigabytes": _before_pixels(b"\x27\x00\x10\x10UN\0\0\xf0\xff\xff\xff"),
        "unknown-kind-without-end": _before_pixels(b"\x27\x00\x10\x10UN\0\0" + _UNDEFINED + bytes(64)),
        "no-kind": _before_pixels(b"\x27\x00\x10\x10\0\0\0\0"),
    }


def _descriptions() -> dict[str, bytes]:
    pixels = rgb()
    data = native(pixels)
    rows = data.index(us(0x00280010, pixels.shape[0]))
    without = dataset()
    describe(without, pixels, "RGB")
    return {
        "huge": altered(Rows=65_535, Columns=65_535),
        "no-rows": altered(Rows=0),
        "one-more-row": altered(Rows=pixels.shape[0] + 1),
        "one-row-fewer": altered(Rows=pixels.shape[0] - 1),
        "rows-twice": data[:rows] + us(0x00280010, 8) + data[rows:],
        "rows-missing": data[:rows] + data[rows + 10 :],
        "two-samples": altered(SamplesPerPixel=2),
        "four-samples": altered(SamplesPerPixel=4),
        "grey-of-three-samples": altered(PhotometricInterpretation="MONOCHROME2"),
        "ycbcr-of-television": altered(PhotometricInterpretation="YBR_PARTIAL_422"),
        "cmyk": altered(PhotometricInterpretation="CMYK"),
        "wavelet-colours-without-wavelets": altered(PhotometricInterpretation="YBR_RCT"),
        "1-bit": altered(BitsAllocated=1, BitsStored=1, HighBit=0),
        "32-bits": altered(BitsAllocated=32, BitsStored=32, HighBit=31),
        "more-bits-than-there-are": altered(BitsStored=12, HighBit=11),
        "no-bits": altered(BitsStored=0, HighBit=0),
        "high-bit-elsewhere": altered(BitsStored=7, HighBit=7),
        "signed": altered(PixelRepresentation=1),
        "planes-2": altered(PlanarConfiguration=2),
        "frames-4-billion": altered(NumberOfFrames="4294967295"),
        "frames-none": altered(NumberOfFrames="0"),
        "two-frames": altered(NumberOfFrames="2"),
        "no-pixels": write(without, syntaxes.EXPLICIT),
        "colour-space-without-profile": altered(ColorSpace="ADOBERGB"),
        "profile-of-nonsense": altered(ICCProfile=b"not a profile" * 20),
        "window": native(rgb()[..., 0], "MONOCHROME2", WindowCenter=20, WindowWidth=10),
        "rescale": native(rgb()[..., 0], "MONOCHROME2", RescaleSlope=2, RescaleIntercept=0),
        "rescale-of-nonsense": native(rgb()[..., 0], "MONOCHROME2", RescaleSlope="1.00").replace(b"1.00", b"one "),
        "palette-missing": native(rgb()[..., 0], "PALETTE COLOR"),
        "not-explicit": data.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0\0\0"),
        "odd-subsampling": native(rgb((71, 56)), "YBR_FULL_422", stored=bytes(71 * 56 * 2)),
    }


def _palettes() -> dict[str, bytes]:
    names = ("Red", "Green", "Blue")

    def made(descriptor: list[int], values: bytes) -> bytes:
        changes: dict[str, Any] = {}
        for name in names:
            changes[f"{name}PaletteColorLookupTableDescriptor"] = descriptor
            changes[f"{name}PaletteColorLookupTableData"] = values
        return native(rgb()[..., 0], "PALETTE COLOR", **changes)

    return {
        "palette-of-65536-in-8-bytes": made([0, 0, 16], bytes(8)),
        "palette-too-long": made([4, 0, 16], bytes(200)),
        "palette-of-32-bits": made([4, 0, 32], bytes(16)),
        "palette-in-the-low-byte": made([256, 0, 16], np.arange(256, dtype="<u2").tobytes()),
    }


def _huge(frame: bytes) -> bytes:
    """A JPEG or JPEG-LS that says of itself that it has 65,535 rows of as many pixels."""
    return frame.replace(struct.pack(">HH", 56, 72), b"\xff\xff\xff\xff")


def _frames() -> dict[str, bytes]:
    pixels, e = rgb(), syntaxes
    tall = rgb((72, 64))
    lossy, wavelet, lossless = jpeg(picture()), jpeg_2000(picture()), encode_lossless(pixels)
    ls, lengths = jpeg_ls(pixels), rle(pixels)
    grey = jpeg(picture("L"))

    def of(frame: bytes, syntax: str, photometric: str = "RGB", **changes: Any) -> bytes:
        return coded([frame], pixels, photometric, syntax, **changes)

    siz = wavelet.index(b"\xff\x51")
    cod = wavelet.index(b"\xff\x52")
    blocks = wavelet[: cod + 10] + b"\0\0" + wavelet[cod + 12 :]
    layers = wavelet[: cod + 6] + b"\xff\xff" + wavelet[cod + 8 :]
    tiles = wavelet[: siz + 22] + struct.pack(">II", 1, 1) + wavelet[siz + 30 :]
    wide = wavelet[: siz + 6] + b"\x7f\xff\xff\xff" * 2 + wavelet[siz + 14 :]
    two = coded([ls, ls], pixels, "RGB", e.JPEG_LS)
    ragged = coded([ls, ls], pixels, "RGB", e.JPEG_LS, fragments=2, table=False)
    return {
        "jpeg-of-another-size": of(jpeg(picture("RGB", (72, 64))), e.JPEG_BASELINE, "YBR_FULL_422"),
        "jpeg-huge-inside": of(_huge(lossy), e.JPEG_BASELINE, "YBR_FULL_422"),
        "jpeg-grey-called-colour": of(grey, e.JPEG_BASELINE, "YBR_FULL_422"),
        "jpeg-of-wavelet-colours": of(lossy, e.JPEG_BASELINE, "YBR_ICT"),
        "jpeg-mislabelled": of(jpeg(picture(), jfif=False), e.JPEG_BASELINE),
        "jpeg-lossless-called-baseline": of(lossless, e.JPEG_BASELINE),
        "jpeg-baseline-called-lossless": of(lossy, e.JPEG_LOSSLESS_FIRST),
        "jpeg-lossless-by-another-prediction": of(encode_lossless(pixels, predictor=7), e.JPEG_LOSSLESS_FIRST),
        "jpeg-lossless-of-another-size": of(encode_lossless(tall), e.JPEG_LOSSLESS_FIRST),
        "jpeg-lossless-huge-inside": of(_huge(lossless), e.JPEG_LOSSLESS),
        "jpeg-ls-of-another-size": of(jpeg_ls(tall), e.JPEG_LS),
        "jpeg-ls-huge-inside": of(_huge(ls), e.JPEG_LS),
        "jpeg-ls-without-end": of(ls[:-2], e.JPEG_LS),
        "jpeg-ls-without-scan": of(ls[: ls.index(b"\xff\xda")] + b"\xff\xd9", e.JPEG_LS),
        "jpeg-ls-grey": of(jpeg_ls(pixels[..., 0]), e.JPEG_LS),
        "jpeg-2000-of-another-size": of(jpeg_2000(picture("RGB", (72, 64))), e.JPEG_2000_LOSSLESS, "YBR_RCT"),
        "jpeg-2000-huge-inside": of(wide, e.JPEG_2000, "YBR_RCT"),
        "jpeg-2000-of-4032-tiles": of(tiles, e.JPEG_2000, "YBR_RCT"),
        "jpeg-2000-of-tiny-blocks": of(blocks, e.JPEG_2000, "YBR_RCT"),
        "jpeg-2000-of-65535-layers": of(layers, e.JPEG_2000, "YBR_RCT"),
        "jpeg-2000-of-other-colours": of(jpeg_2000(picture(), mct=0), e.JPEG_2000, "YBR_RCT"),
        "jpeg-2000-in-a-box": of(b"\0\0\0\x0cjP  \r\n\x87\n" + wavelet, e.JPEG_2000, "YBR_RCT"),
        "jpeg-2000-of-16-bits": of(wavelet, e.JPEG_2000, "YBR_RCT", BitsAllocated=16, BitsStored=16, HighBit=15),
        "rle-too-short": of(lengths[:-40], e.RLE),
        "rle-of-15-segments": of(b"\x0f" + lengths[1:], e.RLE),
        "rle-segments-outside": of(lengths[:8] + b"\xff\xff\xff\x7f" + lengths[12:], e.RLE),
        "rle-segments-in-its-header": of(lengths[:4] + bytes(4) + lengths[8:], e.RLE),
        "rle-of-words": of(lengths, e.RLE, BitsAllocated=16, BitsStored=16, HighBit=15),
        "text-for-a-frame": of(b"benign, I promise\n" * 40, e.JPEG_LS),
        "empty-fragment": of(b"\0\0", e.JPEG_BASELINE),
        "native-called-jpeg": native(pixels).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0"),
        "fragments-called-native": of(ls, e.JPEG_LS).replace(b"1.2.840.10008.1.2.4.80", b"1.2.840.10008.1.2.1\0\0\0"),
        "two-coded-frames": two,
        "fragments-without-table": ragged,
    }


def inputs() -> dict[str, bytes]:
    plain = native(rgb())
    kinds = {f"kind-{name}": native(rgb(), sop_class=uid) for name, uid in _OTHER_KINDS.items()}
    unread = {f"syntax-{name}": coded([jpeg_ls(rgb())], rgb(), "RGB", uid) for name, uid in _UNREAD_SYNTAXES.items()}
    cut = {
        f"{name}-cut-at-{place}": made.data[:place]
        for name, made in lossless_files().items()
        for place in (140, 300, 700, len(made.data) * 3 // 4, len(made.data) - 30)
    }
    return {
        "magic-only": bytes(128) + b"DICM",
        "magic-and-nulls": bytes(128) + b"DICM" + bytes(400),
        "no-transfer-syntax": plain.replace(b"\x02\x00\x10\x00UI", b"\x02\x00\x11\x00UI"),
        "jpeg-in-front": jpeg(picture())[:128].ljust(128, b"\0") + b"DICM" + bytes(99),
        "trailing-garbage": plain + b"\x01\x02\x03",
        "deflated-bomb": _deflated(bytes(60_000_000)),
        "deflated-nothing": _deflated(b""),
        "deflated-nonsense": _deflated(rgb().tobytes()),
        **kinds, **unread, **cut, **_sequences(), **_descriptions(), **_palettes(), **_frames(),
    }  # fmt: skip
