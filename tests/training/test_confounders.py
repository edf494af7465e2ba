from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from tests.training.built import Data
from training import metrics
from training.confounders import FEATURES, cross_validated, find_confounders, measure_frame, write_confounders
from training.images import Image
from training.labels import BENIGN, MALIGNANT
from training.table import Table

COUNT = 60


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "REPEATS", 30)


@pytest.fixture
def framed(tmp_path: Path) -> Table:
    """Two sources of noise on skin: in one the malignant half has a vignette, in the other nothing tells the halves."""
    random = np.random.default_rng(0)
    images, pixels = [], []
    for number in range(2 * COUNT):
        source, malignant = ("told", "fair")[number >= COUNT], number % 2 == 0
        picture = np.clip(random.normal((200, 150, 130), 12, (224, 224, 3)), 0, 255).astype(np.uint8)
        if source == "told" and malignant:
            y, x = np.mgrid[:224, :224] - 111.5
            picture[y**2 + x**2 > 110**2] = 5
        if source == "fair":
            picture = np.ascontiguousarray(picture[..., ::-1])  # another colour cast
        path = tmp_path / source / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Pillow.fromarray(picture).resize((80, 60) if source == "fair" else (60, 60)).save(path)
        images.append(Image(path, source, MALIGNANT if malignant else BENIGN))
        pixels.append(picture)
    numbers = np.arange(len(images))
    return Table(images, np.array(pixels), numbers, numbers, [image.label for image in images])


def test_the_frame_in_figures(framed: Table) -> None:
    values = dict(zip(FEATURES, measure_frame(framed).T, strict=True))
    assert values["vignette"][0] == 4
    assert values["vignette"][1] == 0
    assert values["corner_luma"][0] < 10
    assert values["corner_luma"][1] > 100
    assert values["cast_red"][1] == pytest.approx(200 / 150, abs=0.1)
    assert values["cast_blue"][-1] == pytest.approx(200 / 150, abs=0.1)
    assert (values["aspect"][0], values["aspect"][-1]) == (1.0, pytest.approx(4 / 3))
    assert values["megapixels"][0] == pytest.approx(0.0036)


def test_a_frame_that_tells_is_told_from_one_that_does_not(framed: Table) -> None:
    found = find_confounders(framed)
    assert found.told["told"].value > 0.99
    assert abs(found.told["fair"].value - 0.5) < 0.25
    assert found.single["told"]["vignette"] == 1.0
    assert found.single["told"]["corner_luma"] == 0.0
    assert found.source_accuracy > 0.99
    assert found.medians["told", "malignant"][FEATURES.index("vignette")] == 4


def test_no_lesion_is_predicted_by_what_has_seen_it() -> None:
    """Pure noise, each lesion six times: whoever has seen one of the six knows the others."""
    random = np.random.default_rng(1)
    groups = np.repeat(np.arange(40), 6)
    positive = random.random(40)[groups] < 0.5
    values = random.normal(size=(40, 60))[groups]
    score = cross_validated(values, positive, groups)
    assert abs(metrics.auc(positive, score) - 0.5) < 0.25


def test_a_source_of_one_class_or_few_lesions_has_no_figure(framed: Table) -> None:
    labels = [
        BENIGN if image.source == "fair" else label for image, label in zip(framed.images, framed.labels, strict=True)
    ]
    found = find_confounders(replace(framed, labels=labels))
    assert set(found.told) == {"told"}
    assert ("fair", "malignant") not in found.medians
    few = replace(framed, lesions=np.where(np.arange(2 * COUNT) < COUNT, np.arange(2 * COUNT) % 7, framed.lesions))
    assert set(find_confounders(few).told) == {"fair"}


def test_the_report(framed: Table, tmp_path: Path) -> None:
    text = write_confounders(find_confounders(framed), framed, tmp_path / "report")
    assert "|told|1.00 (1.00 to 1.00)|" in text
    assert "balanced accuracy of 1.00" in text
    lines = (tmp_path / "report" / "confounders.csv").read_text().splitlines()
    assert lines[0] == ",".join(["image", "source", *FEATURES])
    assert len(lines) == 2 * COUNT + 1
    with Pillow.open(tmp_path / "report" / "confounders.png") as plot:
        assert plot.width > 600


def test_too_few_images_are_said_to_be_too_few(framed: Table, tmp_path: Path) -> None:
    few = np.where(np.arange(2 * COUNT) < COUNT, np.arange(2 * COUNT) % 7, framed.lesions)
    text = write_confounders(find_confounders(replace(framed, lesions=few)), framed, tmp_path)
    said = "Too few images of both classes to tell (20 malignant and 20 benign lesions are needed): "
    assert f"{said}told.\n" in text
    assert "|fair|0." in text
    none = replace(framed, labels=[MALIGNANT] * 2 * COUNT)
    text = write_confounders(find_confounders(none), none, tmp_path)
    assert f"{said}fair, told.\n" in text
    assert "AUC" not in text
    with Pillow.open(tmp_path / "confounders.png") as plot:
        assert plot.width > 600


def test_the_painted_data_is_measured_without_trouble(data: Data, tmp_path: Path) -> None:
    found = find_confounders(data.table)
    assert set(found.told) >= {"ham10000", "isic2017"}
    assert write_confounders(found, data.table, tmp_path).startswith("# Confounders")
