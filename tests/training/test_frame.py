import numpy as np
import pytest

from training.frame import DARK, corner_luma, frame_of


def test_sides_and_corners_and_nothing_of_the_middle() -> None:
    pixels = np.full((224, 224, 3), 200, np.uint8)
    pixels[:8] = pixels[-8:] = 10
    pixels[:, :8] = pixels[:, -8:] = 10
    pixels[-16:, :16] = 90  # one corner
    border, corners = frame_of(pixels)
    assert border.shape == (4 * 8 * 224, 3)
    assert set(np.unique(border)) == {10, 90}
    assert corners.shape == (2, 16, 2, 16, 3)
    means = corners.mean(axis=(1, 3, 4))
    assert means[1, 0] == 90
    assert means[0, 0] == means[0, 1] == means[1, 1] == 200 - 190 * (256 - 64) / 256


def test_the_corners_of_any_size_in_brightness() -> None:
    pixels = np.full((56, 56, 3), 200, np.uint8)
    pixels[:4, -4:] = (0, 100, 0)  # top right
    found = corner_luma(pixels)
    assert found == pytest.approx([200, 58.7, 200, 200])
    pixels[:4, -4:] = 30
    assert (corner_luma(pixels) < DARK).tolist() == [False, True, False, False]
