import base64
import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from service.heatmap import HUE, LONGEST_SIDE, MOST_OPAQUE, heatmap_png


def draw(activation: NDArray[np.float32], width: int, height: int) -> NDArray[np.uint8]:
    """u8[height, width, 4] as a client would decode it."""
    with Image.open(io.BytesIO(base64.b64decode(heatmap_png(activation, width, height), validate=True))) as picture:
        assert (picture.format, picture.mode) == ("PNG", "P")
        return np.asarray(picture.convert("RGBA"))


def one_hot(row: int, column: int) -> NDArray[np.float32]:
    activation = np.zeros((7, 7), np.float32)
    activation[row, column] = 3
    return activation


@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 6), (6, 0), (6, 6), (1, 5), (4, 2)])
def test_evidence_shows_where_it_is_in_the_upright_image(row: int, column: int) -> None:
    opacity = draw(one_hot(row, column), 800, 400)[..., 3]
    y, x = np.unravel_index(int(opacity.argmax()), opacity.shape)
    assert int(y * 7 / opacity.shape[0]) == row
    assert int(x * 7 / opacity.shape[1]) == column
    assert opacity.max() >= MOST_OPAQUE - 2


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [(1022, 767, (192, 256)), (767, 1022, (256, 192)), (64, 64, (256, 256)), (20_000, 32, (1, 256))],
)
def test_it_has_the_aspect_ratio_of_the_image(width: int, height: int, expected: tuple[int, int]) -> None:
    picture = draw(one_hot(3, 3), width, height)
    assert picture.shape[:2] == expected
    assert max(picture.shape[:2]) == LONGEST_SIDE


def test_one_hue_everywhere_and_clear_where_there_is_no_evidence() -> None:
    picture = draw(one_hot(0, 0), 400, 400)
    assert (picture[..., :3] == HUE).all()
    assert (picture[150:, 150:, 3] == 0).all()


def test_evidence_against_malignancy_is_not_drawn() -> None:
    assert not draw(np.full((7, 7), -2, np.float32), 300, 200)[..., 3].any()


def test_it_changes_nothing_of_what_it_is_given() -> None:
    activation = one_hot(2, 2) - 1
    before = activation.copy()
    draw(activation, 100, 100)
    assert np.array_equal(activation, before)
