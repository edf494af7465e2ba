from pathlib import Path

import numpy as np
from PIL import Image

from training.wrong.photographs import LEARNED, MEASURED, files_of, images_in, views


def test_installed_packages_bring_photographs() -> None:
    learned, measured = files_of(LEARNED), files_of(MEASURED)
    assert {"astronaut.png", "coffee.png"} <= {path.name for path in learned}
    assert {"china.jpg", "flower.jpg", "grace_hopper.jpg"} <= {path.name for path in measured}


def test_a_package_that_is_not_there_brings_none() -> None:
    assert files_of({"no_such_package": "data"}) == []


def test_a_folder_s_images_are_found_wherever_they_are(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "notes.txt").write_text("no image")
    Image.new("RGB", (300, 200), (10, 200, 30)).save(tmp_path / "deep" / "one.JPG")
    (found,) = images_in(tmp_path)
    view = views(np.random.default_rng(1), found)
    assert view.shape == (224, 224, 3)
    assert view[..., 1].mean() > view[..., 0].mean() + 50
