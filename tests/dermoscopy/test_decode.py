import random
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dermoscopy.decode import decode
from dermoscopy.errors import CorruptImage, ImageError, ImageTooSmall, TooManyBytes, TooManyPixels
from dermoscopy.limits import Limits
from tests.dermoscopy.files import encode, exif, insert_segment, picture, valid_files

# What turns an upright picture into the stored one of each EXIF orientation.
_STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def _pixels(data: bytes, enough: int | None = None) -> NDArray[np.int64]:
    return np.asarray(decode(data, enough=enough).image).astype(np.int64)


@pytest.mark.parametrize("name", valid_files())
def test_every_way_of_storing_a_picture_shows_the_picture(name: str) -> None:
    data, media_type = valid_files()[name]
    decoded = decode(data)
    assert decoded.image.mode == "RGB"
    assert decoded.media_type == media_type
    assert decoded.image.size == (decoded.width, decoded.height)
    if "alpha" in name or "metadata" in name:
        return
    mode = "P" if "palette" in name else "L" if name in {"jpeg-grey", "tiff-packbits", "png-16bit"} else "RGB"
    shown = picture(mode)
    difference = np.abs(np.asarray(decoded.image).astype(int) - np.asarray(shown.convert("RGB")))
    assert difference.mean() < 6


@pytest.mark.parametrize(("name", "options"), [("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True})])
@pytest.mark.parametrize("orientation", _STORED)
def test_orientation_is_applied(name: str, options: dict[str, object], orientation: int) -> None:
    turn = _STORED[orientation]
    stored = picture() if turn is None else picture().transpose(turn)
    extra = {"exif": exif(orientation), **options}
    if name == "TIFF":
        block = Image.Exif()
        block[274] = orientation
        extra = {"exif": block}
    decoded = decode(encode(stored, name, **extra))
    assert np.array_equal(np.asarray(decoded.image), np.asarray(picture()))
    assert (decoded.width, decoded.height) == picture().size


def test_orientation_of_a_jpeg() -> None:
    plain = encode(picture(), "JPEG")
    turned = decode(insert_segment(plain, 0xE1, exif(6)))
    assert (turned.width, turned.height) == (56, 72)
    assert np.array_equal(np.asarray(turned.image), np.rot90(_pixels(plain), -1))


def test_the_sender_cannot_choose_the_type() -> None:
    assert decode(encode(picture(), "BMP")).media_type == "image/bmp"
    with pytest.raises(ImageError, match="not a JPEG, PNG, TIFF, WebP, BMP or DICOM image"):
        decode(encode(picture("P"), "GIF"))


def test_enough_reduces_a_jpeg_and_reports_its_own_size() -> None:
    data = encode(picture().resize((640, 480)), "JPEG")
    for enough, size in ((480, (640, 480)), (240, (320, 240)), (100, (160, 120)), (1, (80, 60))):
        decoded = decode(data, enough=enough)
        assert decoded.image.size == size
        assert min(decoded.image.size) >= enough
        assert (decoded.width, decoded.height) == (640, 480)


def test_enough_keeps_other_formats_as_they_are() -> None:
    assert decode(encode(picture(), "PNG"), enough=20).image.size == picture().size


def test_limits_are_those_that_were_given() -> None:
    data = encode(picture(), "PNG")
    decode(data, limits=Limits(max_bytes=len(data), max_pixels=72 * 56, min_side=56))
    with pytest.raises(TooManyBytes):
        decode(data, limits=Limits(max_bytes=len(data) - 1))
    with pytest.raises(TooManyPixels):
        decode(data, limits=Limits(max_pixels=72 * 56 - 1))
    with pytest.raises(ImageTooSmall):
        decode(data, limits=Limits(min_side=57))


@pytest.mark.parametrize("name", ["jpeg", "jpeg-progressive", "jpeg-restarts", "jpeg-cmyk", "png", "webp", "tiff-lzw"])
def test_a_file_cut_anywhere_is_refused(name: str) -> None:
    data, _ = valid_files()[name]
    for place in np.unique(np.linspace(0, len(data) - 1, 120).astype(int)):
        with pytest.raises(ImageError):
            decode(data[:place])


@pytest.mark.parametrize("name", ["jpeg", "jpeg-progressive", "jpeg-restarts", "jpeg-grey", "jpeg-cmyk"])
def test_a_jpeg_cut_anywhere_and_given_an_end_is_refused(name: str) -> None:
    data, _ = valid_files()[name]
    for place in range(20, len(data) - 9, 5):
        with pytest.raises(CorruptImage):
            decode(data[:place] + b"\xff\xd9")


@pytest.mark.parametrize("name", ["jpeg", "jpeg-progressive", "jpeg-restarts", "jpeg-grey", "jpeg-cmyk"])
def test_a_jpeg_that_lost_its_last_bytes_is_refused_or_lost_a_corner(name: str) -> None:
    data, _ = valid_files()[name]
    whole = _pixels(data)
    for place in range(len(data) - 9, len(data) - 2):
        try:
            cut = _pixels(data[:place] + b"\xff\xd9")
        except CorruptImage:
            continue
        changed = np.argwhere((cut != whole).any(axis=2))
        assert len(changed) <= 2 * 64
        assert (changed >= (whole.shape[0] - 16, whole.shape[1] - 32)).all()


@pytest.mark.parametrize("progressive", [False, True])
def test_a_cut_jpeg_is_refused_at_a_reduced_scale(progressive: bool) -> None:
    data = encode(picture().resize((640, 480)), "JPEG", progressive=progressive)
    whole = _pixels(data, enough=60)
    refused = 0
    for place in range(300, len(data) - 9, 97):
        try:
            # An eighth of the size needs only the first scans of a progressive file.
            assert np.array_equal(_pixels(data[:place] + b"\xff\xd9", enough=60), whole)
        except CorruptImage:
            refused += 1
    assert refused == len(range(300, len(data) - 9, 97)) if not progressive else refused > 10


def test_grey_that_is_really_there_is_no_damage() -> None:
    grey = Image.new("RGB", (96, 80), (128, 128, 128))
    for progressive in (False, True):
        assert (_pixels(encode(grey, "JPEG", progressive=progressive)) == 128).all()


def _with_fresh_checksums(png: bytes) -> bytes:
    """Repair the checksums of a damaged PNG, so that the damage reaches what lies behind them."""
    out, place = png[:8], 8
    while place + 12 <= len(png):
        (length,) = struct.unpack_from(">I", png, place)
        body = png[place + 4 : place + 8 + length]
        out += png[place : place + 4] + body + struct.pack(">I", zlib.crc32(body))
        place += 12 + length
    return out


def _damaged(dice: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.choice([1, 1, 2, 4])):
        place = dice.randrange(min(len(changed), dice.choice([64, 400, len(changed)])))
        kind = dice.randrange(5)
        if kind == 0:
            changed[place] ^= 1 << dice.randrange(8)
        elif kind == 1:
            changed[place] = dice.choice([0, 1, 0x7F, 0x80, 0xFF])
        elif kind == 2:
            changed[place : place + 4] = dice.choice([b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\0\0\0\x80"])
        elif kind == 3:
            del changed[place : place + dice.randrange(1, 12)]
        else:
            changed[place:place] = dice.randbytes(dice.randrange(1, 8))
    return bytes(changed)


def test_damaged_files_are_decoded_or_refused_and_nothing_else() -> None:
    dice = random.Random(20)
    files = [data for data, _ in valid_files().values()]
    limits = Limits(max_pixels=1_000_000)
    refused = 0
    for _ in range(1500):
        data = _damaged(dice, dice.choice(files))
        if data.startswith(b"\x89PNG"):
            data = _with_fresh_checksums(data)
        try:
            decoded = decode(data, limits=limits, enough=dice.choice([None, 20]))
        except ImageError:
            refused += 1
        else:
            assert decoded.image.mode == "RGB"
    assert 500 < refused < 1500


def test_threads_do_not_disturb_each_other() -> None:
    files = [data for data, _ in valid_files().values()] * 4
    alone = [decode(data).image.tobytes() for data in files]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda data: decode(data).image.tobytes(), files))
    assert together == alone
