"""JPEGs that lie, lack a part, or are of a kind that is not read."""

from __future__ import annotations

import struct

from tests.dermoscopy.files import find_marker, in_scans, insert_segment, segment, srgb_profile, valid_files

_SOF0, _SOF2, _DHT, _SOS, _DQT, _EOI = 0xC0, 0xC2, 0xC4, 0xDA, 0xDB, b"\xff\xd9"


def _cut_and_closed(name: str) -> dict[str, bytes]:
    """Cut in the picture and given an end marker, as recovery tools do; libjpeg would fill the rest with grey."""
    data = valid_files()[name][0]
    start = data.index(b"\xff\xda") + 20
    length = len(data) - start
    return {f"closed{name.removeprefix('jpeg')}-{n}": data[: start + length * n // 8] + _EOI for n in (0, 1, 3, 5, 7)}


def _without(data: bytes, marker: int) -> bytes:
    """Take out the first segment with a marker."""
    at = find_marker(data, marker)
    (length,) = struct.unpack_from(">H", data, at + 2)
    return data[:at] + data[at + 2 + length :]


def _resized(data: bytes, width: int, height: int, marker: int = _SOF0) -> bytes:
    at = find_marker(data, marker) + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def _changed(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + bytes([value]) + data[at + 1 :]


def _without_last_scan(data: bytes) -> bytes:
    return data[: data.rindex(b"\xff\xda")] + _EOI


def inputs() -> dict[str, bytes]:
    jpeg, progressive = valid_files()["jpeg"][0], valid_files()["jpeg-progressive"][0]
    restarts, cmyk = valid_files()["jpeg-restarts"][0], valid_files()["jpeg-cmyk"][0]
    frame, scan = find_marker(jpeg, _SOF0), find_marker(jpeg, _SOS)
    frame_payload = jpeg[frame + 4 : frame + 4 + 15]
    first_restart = restarts.index(b"\xff\xd0")
    profile = b"ICC_PROFILE\0"
    return {
        **_cut_and_closed("jpeg"),
        **_cut_and_closed("jpeg-progressive"),
        **_cut_and_closed("jpeg-restarts"),
        **_cut_and_closed("jpeg-grey"),
        "start-and-end": b"\xff\xd8" + _EOI,
        "huge": _resized(jpeg, 65535, 65535),
        "huge-progressive": _resized(progressive, 65500, 65500, _SOF2),
        "taller-than-its-data": _resized(jpeg, 72, 4000),
        "wider-than-its-data": _resized(jpeg, 4000, 56),
        "no-height": _resized(jpeg, 72, 0),
        "no-width": _resized(jpeg, 0, 56),
        "arithmetic": _changed(jpeg, frame + 1, 0xC9),
        "lossless": _changed(jpeg, frame + 1, 0xC3),
        "12-bit": _changed(jpeg, frame + 4, 12),
        "two-components": _changed(jpeg, frame + 9, 2),
        "sampling-of-zero": _changed(jpeg, frame + 11, 0),
        "same-component-twice": _changed(jpeg, frame + 13, jpeg[frame + 10]),
        "two-frames": jpeg[:scan] + segment(_SOF0, frame_payload) + jpeg[scan:],
        "no-frame": _without(jpeg, _SOF0),
        "no-scan": jpeg[:scan] + _EOI,
        "no-huffman-tables": jpeg[: find_marker(jpeg, _DHT)] + jpeg[scan:],
        "no-quantization": _without(_without(jpeg, _DQT), _DQT),
        "scan-of-unknown-component": _changed(jpeg, scan + 5, 77),
        "segment-of-no-length": jpeg[:2] + b"\xff\xe1\0\0" + jpeg[2:],
        "segment-longer-than-file": jpeg[:2] + b"\xff\xe1\xff\xff" + jpeg[2:],
        "two-starts": jpeg[:2] + jpeg,
        "junk-between-segments": jpeg[:2] + b"junk" + jpeg[2:],
        "restart-missing": restarts[:first_restart] + restarts[first_restart + 2 :],
        "restart-without-an-interval": restarts.replace(b"\xff\xdd\0\x04\0\x03", b""),
        "restart-in-the-middle": jpeg[: scan + 200] + b"\xff\xd0" + jpeg[scan + 200 :],
        "restarts-out-of-order": restarts.replace(b"\xff\xd1", b"\xff\xd5", 1),
        "closed-restart-interval": restarts[: first_restart - 30] + restarts[first_restart:],
        "progressive-without-last-scan": _without_last_scan(progressive),
        "progressive-with-last-scan-twice": progressive[:-2] + progressive[progressive.rindex(b"\xff\xda") :],
        "sixty-six-scans": in_scans(66),
        "seventeen-scans-of-49-megapixels": _resized(in_scans(17), 7000, 7000, _SOF2),
        "thousands-of-segments": jpeg[:2] + segment(0xFE, b"") * 4000 + jpeg[2:],
        "cmyk-without-adobe": _without(cmyk, 0xEE),
        "profile-of-garbage": insert_segment(jpeg, 0xE2, profile + b"\x01\x01" + b"RGB " * 200),
        "profile-part-missing": insert_segment(jpeg, 0xE2, profile + b"\x01\x02" + srgb_profile()),
        "profile-part-twice": insert_segment(
            insert_segment(jpeg, 0xE2, profile + b"\x01\x02" + srgb_profile()), 0xE2, profile + b"\x01\x02x"
        ),
        "profile-of-other-colours": insert_segment(
            jpeg, 0xE2, profile + b"\x01\x01" + srgb_profile().replace(b"RGB ", b"CMYK", 1)
        ),
    }
