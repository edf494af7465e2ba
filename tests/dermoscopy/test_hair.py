from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from dermoscopy.hair import hair_mask, line_contrast, remove_hair
from dermoscopy.render import render


def _bald() -> NDArray[np.uint8]:
    """A lesion that was drawn without hairs."""
    return next(
        shown.pixels for shown in map(render, range(200)) if not shown.scene.hairs and shown.scene.vignette > 0.8
    )


def _with_hairs(pixels: NDArray[np.uint8], width: int = 2) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Three dark lines across a picture, and where they are."""
    image, where = Image.fromarray(pixels), Image.new("1", (224, 224))
    for line in ((10, 30, 210, 80), (40, 215, 120, 10), (20, 150, 215, 160)):
        ImageDraw.Draw(image).line(line, fill=(45, 32, 30), width=width)
        ImageDraw.Draw(where).line(line, fill=1, width=width)
    return np.asarray(image), np.asarray(where)


@pytest.mark.parametrize("width", [1, 2, 4])
def test_lines_are_found_and_little_else(width: int) -> None:
    hairy, where = _with_hairs(_bald(), width)
    found = hair_mask(hairy)
    assert found[where].mean() > 0.85
    assert found.mean() < where.mean() + 0.1


def test_contrast_is_in_grey_levels() -> None:
    pixels = np.full((64, 64, 3), 180, np.uint8)
    pixels[:, 30:34] = 120
    found = line_contrast(pixels)
    assert 35 < found[32, 31:33].max() <= 65
    assert found[:, :20].max() < 1


def test_the_border_between_two_areas_is_no_hair() -> None:
    pixels = np.full((96, 96, 3), 190, np.uint8)
    pixels[:, 48:] = 90
    assert not hair_mask(pixels).any()


def test_an_even_picture_has_none_and_stays() -> None:
    even = np.full((64, 64, 3), 130, np.uint8)
    assert not hair_mask(even).any()
    assert remove_hair(even) is even


def test_without_hairs_it_is_nearly_the_picture_that_they_were_laid_on() -> None:
    bald = _bald()
    hairy, where = _with_hairs(bald)
    removed = remove_hair(hairy)
    assert removed.dtype == np.uint8
    before = np.abs(hairy[where].astype(int) - bald[where]).mean()
    after = np.abs(removed[where].astype(int) - bald[where]).mean()
    assert after < before / 4
    untouched = ~hair_mask(hairy)
    assert (removed[untouched] == hairy[untouched]).all()


def test_a_tuft_is_filled_from_afar() -> None:
    pixels = np.full((96, 96, 3), 200, np.uint8)
    pixels[:, 20:60:4] = 30
    pixels[:, 21:60:4] = 30
    found = remove_hair(pixels)
    assert found[:, 30:50].mean() > pixels[:, 30:50].mean() + 20


def test_real_photographs_stay_mostly_as_they_are() -> None:
    folder = Path(__file__).parents[2].parent / "shared" / "data" / "fullres"
    if not folder.is_dir():
        pytest.skip(f"NOT TESTED ON REAL DATA: there is no {folder}, which the repository may not contain")
    for path in sorted(folder.glob("*.jpg")):
        with Image.open(path) as image:
            pixels = np.array(image.convert("RGB").resize((224, 224), Image.Resampling.BILINEAR))
        assert hair_mask(pixels).mean() < 0.35
