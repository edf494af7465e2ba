"""An encoder of lossless JPEGs (T.81 annex H), which no library of the tests has: one scan, 8 bits, one code length."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.dermoscopy.files import segment

_CATEGORIES = 9
"""0 to 8 bits of difference, 8 bits being enough for samples of 8; all their codes have 4 bits."""
_CODE_BITS = 4


def encode_lossless(
    pixels: NDArray[np.uint8], *, predictor: int = 1, identifiers: bytes = b"\x01\x02\x03", restart_rows: int = 0
) -> bytes:
    """A JPEG of uint8[rows, columns] or uint8[rows, columns, 3]; `restart_rows` are in each of its intervals."""
    planes = pixels[..., np.newaxis] if pixels.ndim == 2 else pixels
    rows, columns, count = planes.shape
    names = identifiers[:count]
    frame = bytes([8]) + rows.to_bytes(2, "big") + columns.to_bytes(2, "big") + bytes([count])
    frame += b"".join(bytes([name, 0x11, 0]) for name in names)
    lengths = bytes(_CATEGORIES if length == _CODE_BITS else 0 for length in range(1, 17))
    scan = bytes([count]) + b"".join(bytes([name, 0]) for name in names) + bytes([predictor, 0, 0])
    step = restart_rows or rows
    intervals = [
        _entropy_coded(_differences(planes[top : top + step].astype(np.int64), predictor))
        for top in range(0, rows, step)
    ]
    markers = [bytes([0xFF, 0xD0 + number % 8]) for number in range(len(intervals) - 1)]
    return b"".join(
        [
            b"\xff\xd8",
            *([segment(0xDD, (restart_rows * columns).to_bytes(2, "big"))] if restart_rows else []),
            segment(0xC3, frame),
            segment(0xC4, b"\0" + lengths + bytes(range(_CATEGORIES))),
            segment(0xDA, scan),
            intervals[0],
            *(marker + interval for marker, interval in zip(markers, intervals[1:], strict=True)),
            b"\xff\xd9",
        ]
    )


def _differences(planes: NDArray[np.int64], predictor: int) -> NDArray[np.int64]:
    """To the prediction, which in the first row is the sample on the left and in the first column the one above."""
    left, above, beyond = (np.roll(planes, shift, (0, 1)) for shift in ((0, 1), (1, 0), (1, 1)))
    predicted = {1: left, 2: above, 7: (left + above) >> 1, 4: left + above - beyond}[predictor].copy()
    predicted[0], predicted[1:, 0] = left[0], above[1:, 0]
    predicted[0, 0] = 128
    return planes - predicted


def _entropy_coded(differences: NDArray[np.int64]) -> bytes:
    bits = []
    for value in differences.ravel().tolist():
        category = abs(value).bit_length()
        bits.append(f"{category:0{_CODE_BITS}b}")
        if category:
            bits.append(f"{value if value > 0 else value + (1 << category) - 1:0{category}b}")
    text = "".join(bits)
    text += "1" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\0")
