import numpy as np
import pytest
from numpy.typing import NDArray

from dermoscopy.cells import cells_of, contrast, redness
from dermoscopy.render import render_lesion
from training.wrong.skins import plain_skin


@pytest.fixture(params=range(6))
def lesion(request: pytest.FixtureRequest) -> NDArray[np.uint8]:
    return render_lesion(request.param, malignancy=request.param / 5)


def test_cells_are_means_outside_the_frame() -> None:
    pixels = np.zeros((224, 224, 3), np.uint8)
    pixels[8:, :] = (10, 20, 30)
    pixels[0, 0] = (64, 0, 0)
    assert cells_of(pixels).means[[0, 28]].tolist() == [[1, 0, 0], [10, 20, 30]]
    lit = np.ones((224, 224), bool)
    lit[7] = False
    found = cells_of(pixels, lit)
    assert found.means.shape == (27 * 28, 3)
    assert found.means.min() == 10


def test_skin_alone_has_little_contrast(lesion: NDArray[np.uint8]) -> None:
    skin = plain_skin(np.random.default_rng(3))
    assert contrast(cells_of(skin)) < 0.5 * contrast(cells_of(lesion))


def test_where_red_and_blue_are_exchanged_redness_changes_its_sign(lesion: NDArray[np.uint8]) -> None:
    found, exchanged = (redness(cells_of(pixels)) for pixels in (lesion, lesion[..., ::-1]))
    assert found > 0
    assert exchanged == pytest.approx(-found, abs=1e-5)


def test_the_spread_tells_where_the_means_cannot() -> None:
    """What is brown is darker in blue, also in a light that makes red and blue equal on average."""
    pixels = np.full((224, 224, 3), (160, 150, 160), np.uint8)
    pixels[:112] = (120, 110, 120)
    assert redness(cells_of(pixels)) == 0
    pixels[:112], pixels[112:] = (128, 110, 120), (152, 150, 160)
    assert redness(cells_of(pixels)) > 0.05
    assert redness(cells_of(pixels[..., ::-1])) < -0.05


def test_a_picture_without_anything_has_numbers() -> None:
    for level in (0, 255):
        cells = cells_of(np.full((224, 224, 3), level, np.uint8))
        assert redness(cells) == 0
        assert contrast(cells) == pytest.approx(0, abs=0.5)
