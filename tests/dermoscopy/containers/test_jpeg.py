import itertools
import re
import struct
import time

import numpy as np
import pytest
from PIL import Image

from dermoscopy.colour import adobe_rgb_profile, to_srgb
from dermoscopy.containers.container import Container
from dermoscopy.containers.jpeg import inspect
from dermoscopy.decode import decode
from dermoscopy.errors import CorruptImage, UnsupportedImageType
from dermoscopy.limits import Limits
from tests.dermoscopy.files import (
    encode,
    exif,
    exif_of_colours,
    find_marker,
    in_scans,
    insert_segment,
    picture,
    segment,
    srgb_profile,
    valid_files,
)

PROFILE = b"ICC_PROFILE\0\x01\x01"


def _inspect(data: bytes) -> Container:
    return inspect(data, Limits())


def test_facts_and_metadata_are_read() -> None:
    container = _inspect(valid_files()["jpeg-metadata"][0])
    assert (container.format, container.media_type) == ("JPEG", "image/jpeg")
    assert (container.width, container.height, container.orientation) == (72, 56, 6)
    assert container.icc_profile == srgb_profile()


def test_colours_that_a_camera_calls_adobe_rgb_are_shown_as_such() -> None:
    plain = valid_files()["jpeg"][0]
    meant = np.asarray(to_srgb(decode(plain).image, adobe_rgb_profile()))
    assert np.abs(meant.astype(int) - np.asarray(decode(plain).image)).max() > 10
    assert np.array_equal(np.asarray(decode(insert_segment(plain, 0xE1, exif_of_colours())).image), meant)
    profiled = insert_segment(insert_segment(plain, 0xE2, PROFILE + srgb_profile()), 0xE1, exif_of_colours())
    assert _inspect(profiled).icc_profile == srgb_profile()
    for other in (exif_of_colours(1), exif_of_colours(index=b"R98\0"), exif(1)):
        assert _inspect(insert_segment(plain, 0xE1, other)).icc_profile is None
    assert _inspect(insert_segment(valid_files()["jpeg-cmyk"][0], 0xE1, exif_of_colours())).icc_profile is None


def test_pillow_sees_no_metadata() -> None:
    plain = valid_files()["jpeg"][0]
    secret = insert_segment(insert_segment(plain, 0xFE, b"Jane Doe"), 0xE1, exif(1) + b"Jane Doe")
    assert b"Jane Doe" in secret
    assert _inspect(secret).stream == _inspect(plain).stream
    assert b"Jane Doe" not in _inspect(secret).stream


def test_a_profile_in_two_parts_in_the_wrong_order_is_joined() -> None:
    profile = srgb_profile()
    data = insert_segment(valid_files()["jpeg"][0], 0xE2, b"ICC_PROFILE\0\x01\x02" + profile[:100])
    data = insert_segment(data, 0xE2, b"ICC_PROFILE\0\x02\x02" + profile[100:])
    assert _inspect(data).icc_profile == profile


def test_hundreds_of_segments_and_any_number_of_fill_bytes_are_read() -> None:
    plain = valid_files()["jpeg"][0]
    many = plain[:2] + segment(0xFE, b"") * 3_900 + b"\xff" * 5_000_000 + plain[2:]
    assert _inspect(many).stream == _inspect(plain).stream


def test_the_larger_the_picture_the_fewer_scans() -> None:
    limits = Limits(max_pixels=2 * 72 * 56)
    inspect(in_scans(32), limits)
    with pytest.raises(UnsupportedImageType, match="more than 32 scans"):
        inspect(in_scans(33), limits)
    inspect(in_scans(64), Limits())
    with pytest.raises(UnsupportedImageType, match="more than 64 scans"):
        inspect(in_scans(65), Limits())


def _scans(progressive: bytes) -> tuple[bytes, list[bytes]]:
    """What comes before the first scan of a file, and each scan with the tables before it."""
    starts = [found.start() for found in re.finditer(rb"\xff\xda", progressive)]
    marker = re.compile(rb"\xff[^\0]")
    ends = [found.start() for start in starts if (found := marker.search(progressive, start + 10))]
    return progressive[: starts[0]], [progressive[a:b] for a, b in itertools.pairwise([starts[0], *ends])]


def test_scans_of_a_progressive_picture_come_once_and_in_their_order() -> None:
    """libjpeg would only warn, and take the bits of one scan for those of another."""
    data = encode(picture(), "JPEG", progressive=True)
    start, scans = _scans(data)
    assert len(scans) == 10
    assert start + b"".join(scans) + b"\xff\xd9" == data
    for index, scan in enumerate(scans):
        for wrong in (
            [*scans[:index], scan, *scans[index:]],
            [*scans, scan],
            [*scans[:index], *scans[index + 1 :]],
        ):
            with pytest.raises(CorruptImage):
                decode(start + b"".join(wrong) + b"\xff\xd9")
    # Brightness by its highest bits, the same once more, and colours: which of those is first does not matter.
    swapped = [scans[0], scans[2], scans[1], *scans[3:]]
    assert np.array_equal(
        np.asarray(decode(start + b"".join(swapped) + b"\xff\xd9").image), np.asarray(decode(data).image)
    )


def test_components_in_scans_of_their_own_come_once() -> None:
    data = _one_scan_per_component(valid_files()["jpeg-grey"][0])
    last = data[data.rindex(b"\xff\xda") : -2]
    for wrong in (data[:-2] + last + data[-2:], data.replace(b"\x01B\0", b"\x01G\0")):
        with pytest.raises(CorruptImage):
            decode(wrong)


def test_what_follows_the_end_is_ignored() -> None:
    """Cameras append previews there (MPO); the first picture is the primary one."""
    plain = valid_files()["jpeg"][0]
    data = encode(picture(), "MPO", save_all=True, append_images=[Image.new("RGB", (72, 56))])
    assert data.count(b"\xff\xd9") == 2
    assert np.array_equal(np.asarray(decode(data).image), np.asarray(decode(plain).image))
    assert decode(plain + b"trailer").media_type == "image/jpeg"


def test_only_a_picture_in_several_scans_needs_a_witness() -> None:
    assert _inspect(valid_files()["jpeg"][0]).witness is None
    assert _inspect(valid_files()["jpeg-progressive"][0]).witness is not None


def _one_scan_per_component(component: bytes) -> bytes:
    """Three times the picture of a grey JPEG, as the components of an RGB one."""
    frame, scan = find_marker(component, 0xC0), find_marker(component, 0xDA)
    height, width = struct.unpack_from(">HH", component, frame + 5)
    tables = component[find_marker(component, 0xC4) : scan]
    coded = component[scan + 10 : -2]
    components = b"".join(bytes([name, 0x11, 0]) for name in b"RGB")
    header = segment(0xC0, struct.pack(">BHHB", 8, height, width, 3) + components)
    scans = b"".join(segment(0xDA, bytes([1, name, 0, 0, 63, 0])) + coded for name in b"RGB")
    return b"\xff\xd8" + component[find_marker(component, 0xDB) : frame] + header + tables + scans + b"\xff\xd9"


def test_components_in_scans_of_their_own() -> None:
    grey = valid_files()["jpeg-grey"][0]
    data = _one_scan_per_component(grey)
    assert _inspect(data).witness is not None
    expected = np.asarray(decode(grey).image)
    assert np.array_equal(np.asarray(decode(data).image), expected)
    with pytest.raises(CorruptImage):
        decode(data[: data.rindex(b"\xff\xda")] + b"\xff\xd9")
    with pytest.raises(CorruptImage):
        decode(data[:-60] + b"\xff\xd9")


@pytest.mark.parametrize("blocks", [1, 2, 7, 1000])
@pytest.mark.parametrize(("mode", "subsampling"), [("RGB", 0), ("RGB", 1), ("RGB", 2), ("L", 0)])
def test_restart_markers_are_counted_right(mode: str, subsampling: int, blocks: int) -> None:
    plain = encode(picture(mode), "JPEG", subsampling=subsampling)
    data = encode(picture(mode), "JPEG", subsampling=subsampling, restart_marker_blocks=blocks)
    assert np.array_equal(np.asarray(decode(data).image), np.asarray(decode(plain).image))


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("fill", [b"", b"\xff\xff"])
def test_a_restart_marker_at_the_very_end_is_allowed(fill: bytes, progressive: bool) -> None:
    data = encode(picture("L"), "JPEG", restart_marker_blocks=16, progressive=progressive)
    assert data.count(b"\xff\xd2") == data.count(b"\xff\xda")
    more = data[:-2] + b"\xff\xd3" + fill + data[-2:]
    assert np.array_equal(np.asarray(decode(more).image), np.asarray(decode(data).image))
    with pytest.raises(CorruptImage):
        decode(data[:-40] + b"\xff\xd3" + fill + data[-2:])


@pytest.mark.parametrize("blocks", [0, 1000])
def test_a_restart_marker_where_none_belongs_is_refused(blocks: int) -> None:
    """libjpeg would paint everything behind it grey."""
    plain = encode(picture(), "JPEG", restart_marker_blocks=blocks)
    start, end = find_marker(plain, 0xDA) + 14, len(plain) - 2
    for place in range(start + 20, end, (end - start) // 7):
        at = place + (plain[place - 1] == 0xFF)
        with pytest.raises(CorruptImage, match="restart markers"):
            decode(plain[:at] + b"\xff\xd0" + plain[at:])


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("fill", [b"", b"\xff\xff"])
def test_an_interval_cut_short_is_found(fill: bytes, progressive: bool) -> None:
    """libjpeg would paint the rest of it grey, and go on behind the restart marker."""
    data = encode(picture(), "JPEG", subsampling=0, restart_marker_blocks=21, progressive=progressive)
    start, restart = find_marker(data, 0xDA) + 14, data.index(b"\xff\xd0")
    whole = data[:restart] + fill + data[restart:]
    assert np.array_equal(np.asarray(decode(whole).image), np.asarray(decode(data).image))
    for left in range(1, restart - start - 4, 6):
        with pytest.raises(CorruptImage, match="a part of the picture is missing"):
            decode(data[: start + left].removesuffix(b"\xff") + fill + data[restart:])


def test_a_last_scan_cut_short_is_found_behind_fill_bytes() -> None:
    data = valid_files()["jpeg-progressive"][0]
    with pytest.raises(CorruptImage, match="a part of the picture is missing"):
        decode(data[: data.rindex(b"\xff\xda") + 20] + b"\xff\xff\xff\xd9")


def test_millions_of_restart_markers_are_refused_at_the_first_that_is_too_many() -> None:
    plain = valid_files()["jpeg-restarts"][0]
    at = find_marker(plain, 0xDA) + 14
    begun = time.thread_time()
    with pytest.raises(CorruptImage, match="restart markers"):
        _inspect(plain[:at] + b"".join(bytes([0xFF, 0xD0 + k % 8]) for k in range(8)) * 1_000_000 + plain[-2:])
    assert time.thread_time() - begun < 5


def test_fill_bytes_before_markers_are_allowed() -> None:
    plain = valid_files()["jpeg"][0]
    scan = find_marker(plain, 0xDA)
    data = plain[:scan] + b"\xff\xff" + plain[scan:-2] + b"\xff\xff\xff" + plain[-2:]
    assert np.array_equal(np.asarray(decode(data).image), np.asarray(decode(plain).image))


def test_adobe_cmyk_is_not_inverted() -> None:
    shown = decode(encode(Image.new("CMYK", (48, 48), (0, 255, 255, 0)), "JPEG")).image
    red, green, blue = np.asarray(shown).reshape(-1, 3).mean(axis=0)
    assert red > 240
    assert max(green, blue) < 15


LARGE = (720, 680)
WAYS: list[tuple[str, dict[str, object]]] = [
    ("RGB", {"subsampling": 0}),
    ("RGB", {"subsampling": 2}),
    ("RGB", {"optimize": True}),
    ("RGB", {"quality": 60}),
    ("RGB", {"quality": 95}),
    ("L", {}),
]


@pytest.mark.parametrize(("mode", "options"), WAYS)
def test_data_twice_in_a_scan_is_found(mode: str, options: dict[str, object]) -> None:
    """libjpeg would decode it, shift all that follows, and only warn of what is left over."""
    data = encode(picture(mode, LARGE), "JPEG", **options)
    places = np.linspace(find_marker(data, 0xDA) + 14, len(data) - 1_024 - 2, 20).astype(int)
    for place in places:
        with pytest.raises(CorruptImage):
            decode(data[: place + 1_024] + data[place:])


@pytest.mark.parametrize("enough", [None, 336, 100])
@pytest.mark.parametrize(("mode", "options"), [*WAYS, ("RGB", {"restart_marker_rows": 1})])
def test_what_pads_a_scan_is_allowed(mode: str, options: dict[str, object], enough: int | None) -> None:
    for size in (LARGE, (40, 40)):
        data = encode(picture(mode, size), "JPEG", **options)
        expected = decode(data, enough=enough).image
        for padding in (b"\0" * 3_000, b"\xff" * 3_000, b"\xff\0" * 3_000, b"\x55" * 3_000, bytes(range(25))):
            assert decode(data[:-2] + padding + data[-2:], enough=enough).image == expected


def test_data_twice_in_the_last_interval_is_found() -> None:
    data = encode(picture("RGB", LARGE), "JPEG", restart_marker_rows=20)
    last = max(data.rindex(bytes([0xFF, marker])) for marker in range(0xD0, 0xD8) if bytes([0xFF, marker]) in data)
    place = last + 200
    assert place + 1_024 < len(data)
    with pytest.raises(CorruptImage, match="more than its picture"):
        decode(data[: place + 1_024] + data[place:])


def test_a_picture_of_one_colour_is_not_taken_for_too_long() -> None:
    for colour in ("black", "white", "gray"):
        assert decode(encode(Image.new("RGB", (2_000, 1_500), colour), "JPEG", optimize=True)).width == 2_000
