from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from tests.training.built import Data
from tests.training.data_root import BARCELONA, SOCIETY
from training.images import Clinical, Image
from training.labels import MELANOMA
from training.policies import FAIR_SITE, GRADE_OF_DIAGNOSIS, THICKNESS
from training.stages import Stages, frame_features, read_stages
from training.table import Table


@pytest.fixture(scope="module")
def stages(data: Data) -> Stages:
    return read_stages(data.table)


def _table(rows: list[tuple[str, str]], lesions: list[int]) -> Table:
    """Graded melanomas by (diagnosis, patient)."""
    images = [
        Image(
            Path(f"{number}.jpg"),
            "melanoma-severity",
            MELANOMA,
            facts={"diagnosis_3": diagnosis, "attribution": SOCIETY},
            clinical=Clinical(patient=patient),
        )
        for number, (diagnosis, patient) in enumerate(rows)
    ]
    pixels = np.zeros((len(rows), 224, 224, 3), np.uint8)
    return Table(images, pixels, np.arange(len(rows)), np.array(lesions), [MELANOMA] * len(rows))


def test_grades_and_the_fair_site(stages: Stages, data: Data) -> None:
    assert Counter(stages.grades.tolist()) == {0: 12, 1: 20, 2: 9}
    for row, grade, fair in zip(stages.rows.tolist(), stages.grades.tolist(), stages.fair.tolist(), strict=True):
        image = data.table.images[row]
        assert image.source == "melanoma-severity"
        assert GRADE_OF_DIAGNOSIS[image.facts["diagnosis_3"]] == grade
        assert fair == (image.facts["attribution"] == SOCIETY)
    assert Counter(zip(stages.grades.tolist(), stages.fair.tolist(), strict=True)) == {
        (0, True): 12,
        (1, True): 14,
        (1, False): 6,
        (2, False): 9,
    }
    assert FAIR_SITE == SOCIETY != BARCELONA


def test_images_of_one_patient_are_one_group(stages: Stages, data: Data) -> None:
    groups = defaultdict(set)
    for row, lesion in zip(stages.rows.tolist(), stages.lesions.tolist(), strict=True):
        patient = data.table.images[row].facts["patient_id"]
        if patient:
            groups[patient].add(lesion)
    assert len(groups) == 11
    assert all(len(lesions) == 1 for lesions in groups.values())
    assert len(set(stages.lesions.tolist())) == 41 - 10  # ten pairs share a patient


def test_groups_are_joined_through_lesions_and_patients() -> None:
    """1 and 2 show one lesion, 0 and 1 one patient, 2 and 3 another: all four belong together."""
    rows = [
        ("Melanoma in situ", "A"),
        ("Melanoma Invasive", "A"),
        ("Melanoma metastasis", "B"),
        ("Melanoma Invasive", "B"),
        ("Melanoma in situ", ""),
    ]
    lesions = read_stages(_table(rows, [0, 1, 1, 3, 4])).lesions.tolist()
    assert len(set(lesions[:4])) == 1
    assert lesions[4] != lesions[0]


def test_patients_that_are_not_recorded_are_not_one_patient() -> None:
    rows = [(diagnosis, "") for diagnosis in GRADE_OF_DIAGNOSIS]
    assert len(set(read_stages(_table(rows, [0, 1, 2])).lesions.tolist())) == 3


def test_other_diagnoses_and_other_sources_are_left_out(data: Data) -> None:
    rows = [(diagnosis, "") for diagnosis in (*GRADE_OF_DIAGNOSIS, "Melanoma, NOS")]
    assert len(read_stages(_table(rows, [0, 1, 2, 3])).rows) == 3
    elsewhere = [replace(image, source="isic-acral") for image in data.table.images]
    with pytest.raises(ValueError, match="images of all three grades"):
        read_stages(replace(data.table, images=elsewhere))


def test_a_picture_that_is_there_twice_is_learned_from_once_and_not_at_all_with_two_grades() -> None:
    rows = [(diagnosis, "") for diagnosis in (*GRADE_OF_DIAGNOSIS, *GRADE_OF_DIAGNOSIS)]
    table = replace(_table(rows, list(range(6))), copies=np.array([0, 1, 2, 0, 4, 4]))
    stages = read_stages(table)
    assert stages.rows.tolist() == [0, 1, 2]
    assert stages.grades.tolist() == [GRADE_OF_DIAGNOSIS[diagnosis] for diagnosis, _ in rows[:3]]


def test_a_missing_grade_is_refused() -> None:
    with pytest.raises(ValueError, match="images of all three grades in melanoma-severity/"):
        read_stages(_table([("Melanoma in situ", ""), ("Melanoma Invasive", "")], [0, 1]))


def test_by_thickness_every_source_counts_and_every_place_is_fair(data: Data) -> None:
    images = [
        replace(image, clinical=replace(image.clinical, thickness_mm=(0.5, 1.0, 1.1, 2.0, 2.1)[copy % 5]))
        for copy, image in zip(data.table.copies.tolist(), data.table.images, strict=True)
    ]
    found = read_stages(replace(data.table, images=images))
    assert found.policy is THICKNESS
    # What is recorded beside a metastasis is not its own.
    primary = [row for row, image in enumerate(images) if image.clinical.diagnosis != "Melanoma metastasis"]
    melanomas = [row for row in primary if images[row].label == MELANOMA]
    copies = data.table.copies[melanomas].tolist()
    assert found.rows.tolist() == [row for at, row in enumerate(melanomas) if copies[at] not in copies[:at]]
    assert found.grades.tolist() == [(0, 0, 1, 1, 2)[copy % 5] for copy in data.table.copies[found.rows].tolist()]
    assert found.fair.all()
    assert found.subset(np.arange(3)).policy is THICKNESS


def test_patients_of_two_sources_are_not_one() -> None:
    table = _table([("Melanoma in situ", "A"), ("Melanoma Invasive", "A"), ("Melanoma metastasis", "")], [0, 1, 2])
    elsewhere = [replace(table.images[0], source="clinic"), *table.images[1:]]
    images = [
        replace(image, clinical=replace(image.clinical, thickness_mm=thickness))
        for image, thickness in zip(elsewhere, (0.4, 1.5, 3.0), strict=True)
    ]
    assert len(set(read_stages(replace(table, images=images), THICKNESS).lesions.tolist())) == 3


def test_a_subset_keeps_rows_together(stages: Stages) -> None:
    part = stages.subset(np.array([3, 40, 0]))
    for field in ("rows", "grades", "lesions", "fair"):
        assert getattr(part, field).tolist() == getattr(stages, field)[[3, 40, 0]].tolist()


def _framed(folder: Path, pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Frame features of one picture, whose file has another size than the prepared pixels."""
    path = folder / "picture.png"
    Pillow.new("RGB", size).save(path)
    image = Image(path, "melanoma-severity", MELANOMA)
    table = Table([image], pixels[None], np.array([0]), np.array([0]), [MELANOMA])
    return np.asarray(frame_features(table, np.array([0]))[0])


def test_the_frame_is_border_corners_and_aspect(tmp_path: Path) -> None:
    pixels = np.full((224, 224, 3), (10, 20, 30), np.uint8)
    pixels[16:-16, 16:-16] = 255  # the lesion
    found = _framed(tmp_path, pixels, (300, 200))
    assert found == pytest.approx([10, 20, 30, 0, 0, 0, 10, 20, 30, 1.5])


@pytest.mark.parametrize("turns", range(4))
def test_every_side_and_corner_is_seen(turns: int, tmp_path: Path) -> None:
    """A vignette or ruler tells the hospital wherever it lies: the baseline must have the chance to see it."""
    side = np.zeros((224, 224, 3), np.uint8)
    side[:8] = 200
    found = _framed(tmp_path, np.rot90(side, turns), (224, 224))
    expected = (8 * 224 * 200 + 2 * 8 * 8 * 200) / (4 * 8 * 224)
    assert found[:3] == pytest.approx(expected)
    corner = np.zeros((224, 224, 3), np.uint8)
    corner[8:16, 8:16] = 100  # inside the corner, not on the border
    found = _framed(tmp_path, np.rot90(corner, turns), (224, 224))
    assert found[:3] == pytest.approx(0)
    assert found[6:9] == pytest.approx(100 * 64 / (4 * 256))


def test_the_lesion_is_not_seen(stages: Stages, data: Data) -> None:
    rows = stages.rows[:3]
    painted = np.array(data.table.pixels)
    painted[:, 16:-16, 16:-16] = 0
    assert (frame_features(replace(data.table, pixels=painted), rows) == frame_features(data.table, rows)).all()


def test_the_real_grades(real_images: list[Image]) -> None:
    """Against ../shared/data/README.md; only the tables are read."""
    count = len(real_images)
    table = Table(real_images, np.zeros((count, 0), np.uint8), np.arange(count), np.arange(count), [MELANOMA] * count)
    stages = read_stages(table)
    assert Counter(stages.grades.tolist()) == {0: 50, 1: 195, 2: 21}
    fair = Counter(stages.grades[stages.fair].tolist())
    assert fair == {0: 48, 1: 96}
    places = {real_images[row].facts["attribution"] for row in stages.rows[stages.grades == 2].tolist()}
    assert places == {BARCELONA}
