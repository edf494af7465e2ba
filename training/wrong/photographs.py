"""Photographs of other things: samples that installed packages bring along, and folders of one's own."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from dermoscopy.prepare import SIDE
from training.wrong.patterns import Pixels, Random

LEARNED = {"skimage": "data"}
MEASURED = {"sklearn": "datasets/images", "matplotlib": "mpl-data/sample_data"}
"""Package -> folder of its samples; of scikit-image one learns, on the others is measured."""

_ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}
_LARGEST = 640
"""Longer sides are reduced to it once: crops are taken from this."""


def files_of(packages: dict[str, str]) -> list[Path]:
    """The images in packages' folders, by name; a package that is not installed has none."""
    found: list[Path] = []
    for package, folder in packages.items():
        spec = importlib.util.find_spec(package)
        for place in spec.submodule_search_locations or [] if spec else []:
            found += images_in(Path(place) / folder)
    return found


def images_in(folder: Path) -> list[Path]:
    """The image files below a folder, by name; without hidden ones, such as macOS writes beside each on a stick."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in _ENDINGS)
    return sorted(path for path in found if path.is_file() and not path.name.startswith("."))


@cache
def _opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.draft("RGB", (_LARGEST, _LARGEST))
        image.thumbnail((_LARGEST, _LARGEST))
        return image.convert("RGB")


def views(random: Random, path: Path) -> Pixels:
    """A part of a photograph, from all of it to an eighth of its side, perhaps mirrored, brighter or paler."""
    image = _opened(path)
    share = random.choice([1.0, random.uniform(0.125, 1.0)])
    width, height = image.width * share, image.height * share
    left, top = random.uniform(0, image.width - width), random.uniform(0, image.height - height)
    part = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, (left, top, left + width, top + height))
    if random.uniform() < 0.5:
        part = part.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    for change in (ImageEnhance.Brightness, ImageEnhance.Color, ImageEnhance.Contrast):
        part = change(part).enhance(random.uniform(0.7, 1.3))
    return np.asarray(part)
