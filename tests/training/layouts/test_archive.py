from pathlib import Path

import pytest

from tests.training.layouts.written import picture, table
from training.diagnoses import OTHER_MALIGNANT
from training.images import SourceError
from training.labels import BENIGN, MALIGNANT, MELANOMA, Label
from training.policies import THICKNESS
from training.sources import read_source

NEW = ("isic_id", "diagnosis_1", "diagnosis_2", "diagnosis_3", "mel_thick_mm", "age_approx", "sex", "lesion_id",
       "patient_id", "fitzpatrick_skin_type", "copyright_license", "diagnosis_confirm_type")  # fmt: skip
MELANOCYTIC = "Malignant melanocytic proliferations (Melanoma)"


def test_today_s_columns(tmp_path: Path) -> None:
    table(
        tmp_path / "metadata.csv",
        NEW,
        ("A", "Malignant", MELANOCYTIC, "Melanoma in situ", "0.4", "60", "female", "IL_1", "IP_1", "II", "CC-0", ""),
        ("B", "Malignant", "Malignant epidermal proliferations", "Basal cell carcinoma", "", "", "", "", "IP_2", "", "",
         "histopathology"),
        ("C", "Benign", "", "Nevus", "", "", "", "", "", "", "", ""),
        ("D", "Indeterminate", "", "", "", "", "", "", "", "", "", ""),
        ("E", "Indeterminate", "Indeterminate epidermal proliferations", "Solar or actinic keratosis", "", "", "", "",
         "", "", "", ""),
        ("F", "Malignant", "Malignant epidermal proliferations", "Squamous cell carcinoma, NOS", "", "", "", "", "", "",
         "", ""),
        ("G", "Malignant", "Malignant epidermal proliferations", "", "", "", "", "", "", "", "", ""),
    )  # fmt: skip
    for name in "ABCDEFG":
        picture(tmp_path / "images" / f"{name}.jpg")
    images = read_source(tmp_path)
    assert [image.label for image in images[:4]] == [MELANOMA, frozenset({"bcc"}), BENIGN, frozenset()]
    assert [image.label for image in images[4:]] == [frozenset({"akiec"}), OTHER_MALIGNANT, MALIGNANT]
    first = images[0].clinical
    assert (first.diagnosis, first.thickness_mm, first.patient, first.age) == ("Melanoma in situ", 0.4, "IP_1", 60.0)
    assert (first.skin_type, first.licence, first.histology) == ("II", "CC-0", False)
    assert [image.lesion for image in images] == ["IL_1", "IP_2", *[""] * 5]
    assert images[1].clinical.histology


@pytest.mark.parametrize("prefix", ["", "meta.clinical."])
@pytest.mark.parametrize(
    ("kind", "diagnosis", "label"),
    [("benign", "nevus", BENIGN), ("malignant", "melanoma", MELANOMA), ("malignant", "", MALIGNANT),
     ("malignant", "basal cell carcinoma", frozenset({"bcc"})), ("indeterminate", "", frozenset())],
)  # fmt: skip
def test_columns_of_former_years(tmp_path: Path, prefix: str, kind: str, diagnosis: str, label: Label) -> None:
    columns = [f"{prefix}{name}" for name in ("benign_malignant", "diagnosis", "mel_class", "mel_thick_mm", "sex")]
    table(
        tmp_path / "metadata.csv", ["name", *columns], ["ISIC_1", kind, diagnosis, "invasive melanoma", "1.2", "male"]
    )
    picture(tmp_path / "ISIC_1.jpeg")
    (image,) = read_source(tmp_path)
    assert image.label == label
    assert (image.clinical.diagnosis, image.clinical.thickness_mm) == ("invasive melanoma", 1.2)
    assert image.clinical.sex == "male"


def test_what_is_not_recorded_joins_no_lesions_and_is_no_number(tmp_path: Path) -> None:
    rows = [
        (name, "Malignant", MELANOCYTIC, "Melanoma, NOS", "nan", "nan", "", word, "NA", "unknown", "", "")
        for name, word in zip("AB", ("nan", "none"), strict=True)
    ]
    table(tmp_path / "metadata.csv", NEW, *rows)
    for name in "AB":
        picture(tmp_path / f"{name}.jpg")
    for image in read_source(tmp_path):
        assert (image.lesion, image.clinical.patient, image.clinical.skin_type) == ("", "", "")
        assert (image.clinical.age, image.clinical.thickness_mm) == (None, None)
        assert THICKNESS.grade_of(image) is None


def test_a_malignancy_that_is_said_to_be_no_melanoma(tmp_path: Path) -> None:
    words = "Non-melanoma skin cancer"
    table(tmp_path / "metadata.csv", ("isic_id", "diagnosis_1", "diagnosis_2"), ("A", "Malignant", words))
    picture(tmp_path / "A.jpg")
    assert [image.label for image in read_source(tmp_path)] == [MALIGNANT]


@pytest.mark.parametrize("header", [("isic_id", "diagnosis_1"), ("name", "benign_malignant")])
def test_a_picture_that_is_not_there_is_told_with_its_line(tmp_path: Path, header: tuple[str, str]) -> None:
    table(tmp_path / "metadata.csv", header, ("A", "Benign"), ("", "Benign"))
    picture(tmp_path / "A.jpg")
    with pytest.raises(SourceError, match=r"metadata\.csv, line 3: names '', but"):
        read_source(tmp_path)


def test_an_export_of_today_and_one_of_former_years_list_a_picture_once(tmp_path: Path) -> None:
    table(tmp_path / "new.csv", ("isic_id", "diagnosis_1", "diagnosis_3"), ("A", "Malignant", "Melanoma, NOS"))
    table(tmp_path / "old.csv", ("name", "benign_malignant", "age_approx"), ("A", "malignant", "50"))
    picture(tmp_path / "A.jpg")
    (image,) = read_source(tmp_path)
    assert (image.label, image.clinical.age) == (MELANOMA, 50.0)
    table(tmp_path / "old.csv", ("name", "benign_malignant"), ("A", "benign"))
    with pytest.raises(SourceError, match=r"A\.jpg is listed twice"):
        read_source(tmp_path)


def test_what_is_not_dermoscopic_is_left_out_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kinds = {"A": "dermoscopic", "B": "clinical: close-up", "C": "TBP tile: close-up", "D": ""}
    rows = [(name, "Benign", kind) for name, kind in kinds.items()]
    table(tmp_path / "metadata.csv", ("isic_id", "diagnosis_1", "image_type"), *rows)
    for name in "AD":  # the others need not be there
        picture(tmp_path / f"{name}.jpg")
    assert [image.path.stem for image in read_source(tmp_path)] == ["A", "D"]
    assert capsys.readouterr().err == f"{tmp_path}: 2 pictures that are not dermoscopic are left out\n"


def test_a_collection_without_a_dermoscopic_picture(tmp_path: Path) -> None:
    table(tmp_path / "metadata.csv", ("isic_id", "diagnosis_1", "image_type"), ("A", "Benign", "clinical: overview"))
    with pytest.raises(SourceError, match="has no picture whose image_type is dermoscopic"):
        read_source(tmp_path)


@pytest.mark.parametrize(
    ("diagnosis", "label"),
    [("actinic keratosis", {"akiec"}), ("solar lentigo", BENIGN), ("melanoma", set()), ("something", BENIGN)],
)
def test_a_precursor_that_the_archive_calls_benign_is_not_learned_as_benign(
    tmp_path: Path, diagnosis: str, label: Label
) -> None:
    """HAM10000's actinic keratoses are so in its exports of former years."""
    table(tmp_path / "old.csv", ("name", "benign_malignant", "diagnosis"), ("A", "benign", diagnosis))
    table(tmp_path / "new.csv", ("isic_id", "diagnosis_1", "diagnosis_3"), ("B", "benign", diagnosis.title()))
    for name in "AB":
        picture(tmp_path / f"{name}.jpg")
    assert [image.label for image in read_source(tmp_path)] == [label, label]


@pytest.mark.parametrize("cell", ["-1", "999", "-0.5"])
def test_a_thickness_that_no_melanoma_has_is_refused(tmp_path: Path, cell: str) -> None:
    """Tables write such numbers for nothing; -1 mm would be a thin melanoma, and 999 mm a thick one."""
    table(tmp_path / "metadata.csv", ("isic_id", "diagnosis_1", "mel_thick_mm"), ("A", "Malignant", cell))
    picture(tmp_path / "A.jpg")
    with pytest.raises(SourceError, match=rf"line 2: mel_thick_mm='{cell}' is no thickness in millimetres"):
        read_source(tmp_path)
