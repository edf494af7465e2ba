from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dermoscopy.lesion import crop_to_lesion, lesion_mask
from dermoscopy.render import render

SEGMENTED = Path(__file__).parents[2].parent / "shared" / "data" / "segmentation"


def _overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Jaccard index, 0 to 1."""
    return float((one & other).sum() / max((one | other).sum(), 1))


def test_the_lesion_of_rendered_pictures_is_found() -> None:
    shown = [render(seed, malignancy=seed / 15) for seed in range(16)]
    overlaps = [_overlap(lesion_mask(one.pixels), one.mask) for one in shown]
    assert np.median(overlaps) > 0.75


def test_the_lesion_of_real_photographs_is_found() -> None:
    if not SEGMENTED.is_dir():
        pytest.skip(f"NOT TESTED ON REAL DATA: there is no {SEGMENTED}, which the repository may not contain")
    overlaps = []
    for path in sorted(SEGMENTED.glob("*.jpg")):
        with Image.open(path) as image, Image.open(path.with_name(f"{path.stem}_segmentation.png")) as truth:
            found = lesion_mask(np.array(image.convert("RGB")))
            overlaps.append(_overlap(found, np.asarray(truth.convert("L")) > 127))
    assert len(overlaps) == 40
    assert np.median(overlaps) > 0.6


def test_skin_alone_has_no_lesion() -> None:
    assert not lesion_mask(np.full((224, 224, 3), (210, 170, 150), np.uint8)).any()
    assert not lesion_mask(np.zeros((64, 64, 3), np.uint8)).any()


def test_a_dark_frame_is_no_lesion() -> None:
    y, x = np.mgrid[:224, :224] - 111.5
    pixels = np.full((224, 224, 3), (210, 170, 150), np.uint8)
    pixels[x**2 + y**2 < 30**2] = (120, 70, 50)
    pixels[x**2 + y**2 > 100**2] = 4
    found = lesion_mask(pixels)
    assert _overlap(found, x**2 + y**2 < 30**2) > 0.8


def test_a_cut_holds_the_lesion_at_full_size() -> None:
    y, x = np.mgrid[:224, :224]
    pixels = np.full((224, 224, 3), (210, 170, 150), np.uint8)
    lesion = (x - 90) ** 2 + (y - 120) ** 2 < 20**2
    pixels[lesion] = (120, 70, 50)
    cut = crop_to_lesion(pixels)
    assert cut.shape == pixels.shape
    dark = cut[..., 0] < 165
    # 40 of 60 pixels across, so a good third of the square.
    assert 0.25 < dark.mean() < 0.45
    rows, columns = np.nonzero(dark)
    assert abs(rows.mean() - 112) < 8
    assert abs(columns.mean() - 112) < 8


def test_without_a_lesion_nothing_is_cut() -> None:
    skin = np.full((224, 224, 3), (210, 170, 150), np.uint8)
    assert crop_to_lesion(skin) is skin
