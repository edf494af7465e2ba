import tracemalloc
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dermoscopy.decode import decode
from dermoscopy.dicom import syntaxes
from dermoscopy.dicom.frames import which
from dermoscopy.errors import AnimatedImage, CorruptImage, NoSuchFrame, UnsupportedImageType
from tests.dermoscopy.dicom_files import (
    PHOTOGRAPHIC,
    SECONDARY_CAPTURE,
    coded,
    dataset,
    describe,
    jpeg,
    jpeg_2000,
    jpeg_ls,
    native,
    rgb,
    write,
)
from tests.dermoscopy.files import picture
from tests.dermoscopy.jpeg_lossless import encode_lossless


def shown(data: bytes, frame: int) -> NDArray[np.uint8]:
    return np.asarray(decode(data, frame=frame).image)


@pytest.mark.parametrize("sop_class", [PHOTOGRAPHIC, SECONDARY_CAPTURE, "1.2.840.10008.5.1.4.1.1.7.4"])
@pytest.mark.parametrize("how", ["native", "one-each", "table", "extended"])
def test_a_frame_is_chosen(how: str, sop_class: str) -> None:
    pictures = [rgb(), rgb()[::-1], rgb()[:, ::-1]]
    if how == "native":
        found = dataset(sop_class, NumberOfFrames=3)
        describe(found, rgb(), "RGB")
        found.PixelData = b"".join(each.tobytes() for each in pictures)
        found["PixelData"].VR = "OB"
        data = write(found, syntaxes.EXPLICIT)
    else:
        frames = [jpeg_ls(each) for each in pictures]
        fragments, extended = 2 if how == "table" else 1, how == "extended"
        options: dict[str, Any] = {"table": how != "one-each", "fragments": fragments, "extended": extended}
        data = coded(frames, rgb(), "RGB", syntaxes.JPEG_LS, sop_class=sop_class, **options)
    for number, each in enumerate(pictures, 1):
        assert np.array_equal(shown(data, number), each)
    with pytest.raises(AnimatedImage, match="frame=1 to frame=3"):
        decode(data)
    for beyond in (0, 4):
        with pytest.raises(NoSuchFrame, match="has 3"):
            decode(data, frame=beyond)


def test_the_only_frame_may_be_named() -> None:
    assert np.array_equal(shown(native(rgb()), 1), rgb())
    with pytest.raises(NoSuchFrame, match="has 1"):
        decode(native(rgb()), frame=2)


def test_of_several_it_must_be_said_which() -> None:
    assert (which(1, None), which(3, 3)) == (1, 3)
    with pytest.raises(AnimatedImage):
        which(2, None)
    with pytest.raises(NoSuchFrame):
        which(2, 3)


def test_fragments_of_which_nobody_knows_the_frame_are_not_guessed() -> None:
    frames = [jpeg_ls(rgb()), jpeg_ls(rgb()[::-1])]
    data = coded(frames, rgb(), "RGB", syntaxes.JPEG_LS, table=False, fragments=2)
    with pytest.raises(UnsupportedImageType, match="which fragments of its pixels belong to which frame"):
        decode(data, frame=1)


@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize("extended", [False, True])
def test_a_table_of_millions_of_frames_is_not_unpacked(extended: bool, frames: int) -> None:
    """There are no more than the frames that the object declares, nor than its fragments."""
    data = coded([jpeg_ls(rgb())] * frames, rgb(), "RGB", syntaxes.JPEG_LS, extended=extended)
    data = data.replace(b"\x28\0\x08\0IS\x02\x002 ", b"\x28\0\x08\0IS\x08\x0099999999")
    table = bytes(4_000_000)
    if extended:
        at = data.index(b"\xe0\x7f\x01\0OV\0\0") + 8
        data = data[:at] + len(table).to_bytes(4, "little") + table + data[at + 4 + 8 * frames :]
    else:
        at = data.index(b"\xfe\xff\x00\xe0") + 4
        data = data[:at] + len(table).to_bytes(4, "little") + table + data[at + 4 + 4 * frames :]
    tracemalloc.start()
    try:
        with pytest.raises(CorruptImage, match="its table of frames is wrong"):
            decode(data, frame=1)
        assert tracemalloc.get_traced_memory()[1] < 2 * len(table) + 1_000_000
    finally:
        tracemalloc.stop()


CODED = [
    (jpeg(picture()), "YBR_FULL_422", syntaxes.JPEG_BASELINE),
    (encode_lossless(rgb()), "RGB", syntaxes.JPEG_LOSSLESS),
    (jpeg_ls(rgb()), "RGB", syntaxes.JPEG_LS),
    (jpeg_2000(picture()), "YBR_RCT", syntaxes.JPEG_2000_LOSSLESS),
]


def in_one_frame(fragments: list[bytes], photometric: str, syntax: str) -> bytes:
    data = coded(fragments, rgb(), photometric, syntax, table=False)
    number = b"\x28\0\x08\0IS\x02\0%d "
    assert number % len(fragments) in data
    return data.replace(number % len(fragments), number % 1)


@pytest.mark.parametrize(("frame", "photometric", "syntax"), CODED)
@pytest.mark.parametrize("padding", [0, 100])
def test_a_second_picture_in_the_only_frame_is_not_dropped(
    padding: int, frame: bytes, photometric: str, syntax: str
) -> None:
    for first in ([frame + bytes(padding)], [frame[:300], frame[300:] + bytes(padding)]):
        with pytest.raises(CorruptImage, match="more pictures than it declares"):
            decode(in_one_frame([*first, frame], photometric, syntax))


@pytest.mark.parametrize(("frame", "photometric", "syntax"), CODED)
def test_what_is_no_second_picture_is_tolerated(frame: bytes, photometric: str, syntax: str) -> None:
    expected = shown(coded([frame], rgb(), photometric, syntax), 1)
    for fragments in (
        [frame, b"garbage\0"],
        [frame, b"\xff\xd8garbage"],
        [frame, bytes(64)],
        [frame[:300], frame[300:]],
    ):
        assert np.array_equal(shown(in_one_frame(fragments, photometric, syntax), 1), expected)


def swapped(samples: bytes) -> bytes:
    """Samples of 8 bits in words of 16, big endian."""
    return np.frombuffer(samples + b"\0" * (len(samples) % 2), "<u2").astype(">u2").tobytes()


def test_frames_of_odd_size_in_words_are_told_apart() -> None:
    pictures = [rgb((33, 33)), rgb((33, 33))[::-1], rgb((33, 33))[:, ::-1]]
    for count in (1, 2, 3):
        found = dataset(PHOTOGRAPHIC, NumberOfFrames=count)
        describe(found, pictures[0], "RGB")
        found.PixelData = swapped(b"".join(each.tobytes() for each in pictures[:count]))
        found["PixelData"].VR = "OW"
        data = write(found, syntaxes.BIG_ENDIAN)
        for number, each in enumerate(pictures[:count], 1):
            assert np.array_equal(shown(data, number), each)
