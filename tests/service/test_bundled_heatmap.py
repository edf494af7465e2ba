"""Where the bundled classifier's heatmap points: at the lesion, on pictures whose lesion's place is known."""

import base64
import io
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dermoscopy import render as renderer
from dermoscopy.render import Rendered, render
from dermoscopy.synthesis.scene import Scene, draw
from service.engine import Engine, Selection
from service.inference import Job, Question, classify
from service.loading import CLASSIFIER
from service.progress import Progress
from service.settings import Settings
from service.versions import Served

CALLED_MALIGNANT = 100
INSIDE = 90
PLACES = ((0.33, 0.33), (0.67, 0.33), (0.33, 0.67), (0.67, 0.67))
SIDE, SHORTER = 224, 176
EXIF_ORIENTATION = 0x0112


@dataclass(frozen=True)
class Found:
    """One picture that was called malignant: its lesion, as stored, and where the heatmap's peak is in the upright one.

    Attributes:
        mask: bool[height, width] of the pixels as they are stored.
        orientation: EXIF's, 1 to 8.
        peak: x and y, 0 to 1.
    """

    mask: NDArray[np.bool_]
    orientation: int
    peak: tuple[float, float]

    def inside(self, orientation: int) -> bool:
        """Whether the peak lies on the lesion if a viewer turns the picture by this orientation."""
        shown = upright(self.mask, orientation)
        height, width = shown.shape
        return bool(shown[int(self.peak[1] * height), int(self.peak[0] * width)])


def upright(stored: NDArray[Any], orientation: int) -> NDArray[Any]:
    """What a viewer shows of a file with this EXIF orientation (TIFF 6.0, "Orientation")."""
    turned = (
        stored,
        stored[:, ::-1],
        stored[::-1, ::-1],
        stored[::-1],
        stored.swapaxes(0, 1),
        np.rot90(stored, -1),
        stored[::-1, ::-1].swapaxes(0, 1),
        np.rot90(stored),
    )
    return turned[orientation - 1]


def lesion_at(place: tuple[float, float], seed: int) -> Rendered:
    """A dark lesion in one quarter of a picture, most of them too small to reach its middle."""

    def moved(seed: int, malignancy: float) -> Scene:
        scene = draw(seed, malignancy)
        radii, lobe = ((0.85 * x, 0.85 * y) for x, y in (scene.radii, scene.lobe))
        smaller = replace(scene, centre=place, radii=radii, lobe=lobe, lobe_radius=0.85 * scene.lobe_radius)
        return replace(smaller, darkness=scene.darkness + 0.25, vignette=0.9)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(renderer, "draw", moved)
        return render(seed, side=SIDE, malignancy=1.0)


def cut(pixels: NDArray[Any], place: tuple[float, float], seed: int) -> NDArray[Any]:
    """Square, wide or tall, and then further from the middle in one direction."""
    x, y = (slice(0, SHORTER) if at < 0.5 else slice(SIDE - SHORTER, SIDE) for at in place)
    return (pixels, pixels[y], pixels[:, x])[seed % 3]


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Served:
    return Engine(Settings(state=tmp_path_factory.mktemp("state"))).get(CLASSIFIER, Selection(None, None))


@pytest.fixture(scope="module")
def found(bundled: Served) -> list[Found]:
    """The first hundred that are called malignant."""
    pictures: list[Found] = []
    seed = 0
    while len(pictures) < CALLED_MALIGNANT:
        place, orientation = PLACES[seed % len(PLACES)], seed % 8 + 1
        rendered = lesion_at(place, seed)
        pixels, mask = cut(rendered.pixels, place, seed), cut(rendered.mask, place, seed)
        peak = _peak(bundled, pixels, orientation)
        if peak is not None:
            pictures.append(Found(mask, orientation, peak))
        seed += 1
    return pictures


def _peak(bundled: Served, pixels: NDArray[np.uint8], orientation: int) -> tuple[float, float] | None:
    """The middle of where the heatmap is most opaque; None if the lesion is not called malignant."""
    file, exif = io.BytesIO(), Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    Image.fromarray(pixels).save(file, "JPEG", quality=95, exif=exif)
    job = Job(file.getvalue(), Settings().limits, Question("", explain=True), Progress(60))
    answer = classify(bundled, job)
    if answer.decision != "malignant":
        return None
    assert answer.explanation is not None
    with Image.open(io.BytesIO(base64.b64decode(answer.explanation.heatmap_png))) as overlay:
        assert overlay.width * answer.image.height == pytest.approx(overlay.height * answer.image.width, rel=0.01)
        opacity = np.asarray(overlay.convert("RGBA"))[..., 3]
    rows, columns = np.nonzero(opacity == opacity.max())
    return (float(columns.mean()) + 0.5) / opacity.shape[1], (float(rows.mean()) + 0.5) / opacity.shape[0]


def test_the_peak_lies_on_the_lesion_however_the_picture_is_turned_and_cut(found: list[Found]) -> None:
    assert sum(one.inside(one.orientation) for one in found) >= INSIDE
    for orientation in range(1, 9):
        turned = [one for one in found if one.orientation == orientation]
        assert len(turned) >= 5
        assert np.mean([one.inside(orientation) for one in turned]) >= 0.75


def test_neither_chance_nor_the_middle_nor_another_orientation_would_do(found: list[Found]) -> None:
    assert np.mean([one.mask.mean() for one in found]) < 0.25
    middle = [replace(one, peak=(0.5, 0.5)).inside(one.orientation) for one in found]
    assert np.mean(middle) < 0.6
    other = [one.inside(1 + (one.orientation + 2) % 8) for one in found]
    assert np.mean(other) < 0.6
