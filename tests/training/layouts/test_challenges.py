from pathlib import Path

import pytest

from tests.training.layouts.written import picture, table
from training.images import SourceError
from training.labels import BENIGN, MALIGNANT, MELANOMA, Label
from training.sources import read_source


def test_2016_has_no_header(tmp_path: Path) -> None:
    table(tmp_path / "ISBI2016_ISIC_Part3_Training_GroundTruth.csv", ("ISIC_1", "benign"), ("ISIC_2", "malignant"))
    table(tmp_path / "ISBI2016_ISIC_Part3_Test_GroundTruth.csv", ("ISIC_3", "0.0"), ("ISIC_4", "1.0"))
    for number in (1, 2):
        picture(tmp_path / "ISBI2016_ISIC_Part3_Training_Data" / f"ISIC_{number}.jpg")
    for number in (3, 4):
        picture(tmp_path / "ISBI2016_ISIC_Part3_Test_Data" / f"ISIC_{number}.jpg")
    found = {image.path.stem: image for image in read_source(tmp_path)}
    assert {name: image.label for name, image in found.items()} == {
        "ISIC_1": BENIGN, "ISIC_2": MALIGNANT, "ISIC_3": BENIGN, "ISIC_4": MALIGNANT,
    }  # fmt: skip
    assert [found[f"ISIC_{number}"].given_split for number in (1, 2, 3, 4)] == ["train", "train", "test", "test"]


@pytest.mark.parametrize(("name", "split"), [("latest", ""), ("contest", ""), ("test", "test"), ("ISIC_Test", "test")])
def test_2016_is_a_test_set_only_where_its_name_says_so(tmp_path: Path, name: str, split: str) -> None:
    table(tmp_path / f"{name}.csv", ("ISIC_1", "benign"))
    picture(tmp_path / "images" / "ISIC_1.jpg")
    (image,) = read_source(tmp_path)
    assert image.given_split == split


def test_2017_joins_its_two_tables(tmp_path: Path) -> None:
    truth = ("image_id", "melanoma", "seborrheic_keratosis")
    rows = [("ISIC_1", "1.0", "0.0"), ("ISIC_2", "0.0", "1.0"), ("ISIC_3", "0.0", "0.0")]
    table(tmp_path / "ISIC-2017_Training_Part3_GroundTruth.csv", truth, *rows)
    facts = ("image_id", "age_approximate", "sex")
    table(
        tmp_path / "ISIC-2017_Training_Data_metadata.csv", facts, ("ISIC_1", "55", "female"), ("ISIC_2", "unknown", "")
    )
    for name, _, _ in rows:
        picture(tmp_path / "ISIC-2017_Training_Data" / f"{name}.jpg")
        picture(tmp_path / "ISIC-2017_Training_Data" / f"{name}_superpixels.png")
    first, second, third = read_source(tmp_path)
    assert [image.label for image in (first, second, third)] == [MELANOMA, {"bkl"}, {"nv"}]
    assert (first.clinical.age, first.clinical.sex) == (55.0, "female")
    assert second.clinical.age is None


def test_2018_has_one_of_seven_and_lesions_in_another_table(tmp_path: Path) -> None:
    header = ("image", "MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")
    rows = [("ISIC_1", "0.0", "1.0", *["0.0"] * 5), ("ISIC_2", "0.0", "0.0", "0.0", "1.0", *["0.0"] * 3)]
    table(tmp_path / "ISIC2018_Task3_Training_GroundTruth.csv", header, *rows)
    groups = ("image", "lesion_id", "diagnosis_confirm_type")
    table(tmp_path / "ISIC2018_Task3_Training_LesionGroupings.csv", groups, ("ISIC_1", "HAM_1", "histopathology"))
    for row in rows:
        picture(tmp_path / "images" / f"{row[0]}.jpg")
    first, second = read_source(tmp_path)
    assert (set(first.label), first.lesion, first.clinical.histology) == ({"nv"}, "HAM_1", True)
    assert (set(second.label), second.lesion, second.clinical.diagnosis) == ({"akiec"}, "", "AKIEC")


def test_2019_has_a_carcinoma_that_is_none_of_the_seven_and_unknown_ones(tmp_path: Path) -> None:
    codes = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK")
    names = {code: f"ISIC_{number}" for number, code in enumerate(codes)}
    rows = [(name, *("1.0" if other == code else "0.0" for other in codes)) for code, name in names.items()]
    table(tmp_path / "ISIC_2019_Training_GroundTruth.csv", ("image", *codes), *rows)
    facts = ("image", "age_approx", "anatom_site_general", "lesion_id", "sex")
    table(tmp_path / "ISIC_2019_Training_Metadata.csv", facts, ("ISIC_0", "70.0", "anterior torso", "BCN_1", "male"))
    for name in names.values():
        picture(tmp_path / "ISIC_2019_Training_Input" / f"{name}.jpg")
    found = {image.path.stem: image for image in read_source(tmp_path)}
    assert found[names["AK"]].label == {"akiec"}
    assert found[names["SCC"]].label == {"bcc", "akiec"}  # of their company; never benign, never a melanoma
    assert found[names["UNK"]].label == frozenset()
    assert found["ISIC_0"].lesion == "BCN_1"
    assert (found["ISIC_0"].clinical.age, found["ISIC_0"].clinical.site) == (70.0, "anterior torso")


@pytest.mark.parametrize("file", ["train.csv", "ISIC_2020_Training_GroundTruth_v2.csv"])
def test_2020_and_siim_keep_patients_together(tmp_path: Path, file: str) -> None:
    header = ("image_name", "patient_id", "sex", "age_approx", "anatom_site_general_challenge", "diagnosis",
              "benign_malignant", "target")  # fmt: skip
    rows = [
        ("ISIC_1", "IP_1", "male", "45.0", "head/neck", "unknown", "benign", "0"),
        ("ISIC_2", "IP_1", "male", "45.0", "torso", "nevus", "benign", "0"),
        ("ISIC_3", "IP_2", "", "", "", "melanoma", "malignant", "1"),
    ]
    table(tmp_path / file, header, *rows)
    for row in rows:
        picture(tmp_path / "jpeg" / "train" / f"{row[0]}.jpg")
    images = read_source(tmp_path)
    assert [image.label for image in images] == [BENIGN, {"nv"}, MELANOMA]
    assert [image.lesion for image in images] == ["IP_1", "IP_1", "IP_2"]
    assert images[0].clinical.site == "head/neck"


TRUTH_2017 = ("image_id", "melanoma", "seborrheic_keratosis")
TRUTH_2020 = ("image_name", "patient_id", "target")
NOTHING: Label = frozenset()


@pytest.mark.parametrize(
    ("header", "row", "label"),
    [
        *((TRUTH_2020, ("A", "IP_1", target), MELANOMA) for target in ("1", "1.0", "1.00", " 1")),
        *((TRUTH_2020, ("A", "IP_1", target), BENIGN) for target in ("0", "0.0", "0.00", "-0")),
        *((TRUTH_2020, ("A", "IP_1", target), NOTHING) for target in ("", " ", "nan", "NA")),
        (TRUTH_2017, ("A", "1", ""), MELANOMA),
        (TRUTH_2017, ("A", "0", "1.00"), frozenset({"bkl"})),
        (TRUTH_2017, ("A", "0", "nan"), frozenset({"nv", "bkl"})),
        (TRUTH_2017, ("A", "", "0"), NOTHING),
        (TRUTH_2017, ("A", "nan", "0.0"), NOTHING),
    ],
)
def test_what_is_not_said_is_not_called_benign(
    tmp_path: Path, header: tuple[str, ...], row: tuple[str, ...], label: Label
) -> None:
    table(tmp_path / "truth.csv", header, row)
    picture(tmp_path / "A.jpg")
    assert [image.label for image in read_source(tmp_path)] == [label]


@pytest.mark.parametrize("cell", ["malignant", "True", "2", "0.5", "-1", "inf"])
@pytest.mark.parametrize(
    ("header", "column"), [(TRUTH_2020, "target"), (TRUTH_2017, "melanoma"), (TRUTH_2017, "seborrheic_keratosis")]
)
def test_a_verdict_that_is_neither_0_nor_1_is_refused(
    tmp_path: Path, header: tuple[str, ...], column: str, cell: str
) -> None:
    cells = {header[0]: "A", column: cell}
    table(tmp_path / "truth.csv", header, [cells.get(name, "0") for name in header])
    picture(tmp_path / "A.jpg")
    with pytest.raises(SourceError, match=rf"truth\.csv, line 2: {column}='{cell}' for 'A' is neither 0 nor 1"):
        read_source(tmp_path)


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ((), [("A", "benign"), ("B", "malignant")]),
        (TRUTH_2017, [("A", "1", "0"), ("B", "0", "0")]),
        (("image", "MEL", "NV", "BCC", "BKL", "DF", "VASC"), [("A", "1", *"00000"), ("B", "1", *"00000")]),
        (TRUTH_2020, [("A", "IP_1", "0"), ("B", "IP_2", "0")]),
    ],
)
def test_a_picture_that_is_not_there_is_told_with_its_line(
    tmp_path: Path, header: tuple[str, ...], rows: list[tuple[str, ...]]
) -> None:
    lines = [header, *rows] if header else rows
    table(tmp_path / "truth.csv", *lines)
    picture(tmp_path / "A.jpg")
    with pytest.raises(SourceError, match=rf"truth\.csv, line {len(lines)}: names 'B', but {tmp_path} has no such"):
        read_source(tmp_path)


def test_patients_that_are_not_recorded_are_not_one_patient(tmp_path: Path) -> None:
    rows = [(name, patient, "0") for name, patient in zip("ABCD", ("unknown", "NA", "nan", "IP_1"), strict=True)]
    table(tmp_path / "train.csv", TRUTH_2020, *rows)
    for name in "ABCD":
        picture(tmp_path / f"{name}.jpg")
    images = read_source(tmp_path)
    assert [image.lesion for image in images] == ["", "", "", "IP_1"]
    assert [image.clinical.patient for image in images] == ["", "", "", "IP_1"]


def test_a_picture_that_two_tables_list_is_there_once(tmp_path: Path) -> None:
    table(tmp_path / "train.csv", (*TRUTH_2020, "diagnosis"), ("A", "IP_1", "0", "nevus"), ("B", "IP_2", "1", ""))
    table(tmp_path / "ISIC_2020_Training_GroundTruth.csv", TRUTH_2020, ("B", "IP_2", "1"), ("A", "IP_1", "0"))
    for name in "AB":
        picture(tmp_path / f"{name}.jpg")
    found = {image.path.stem: image.label for image in read_source(tmp_path)}
    assert len(read_source(tmp_path)) == 2
    assert found == {"A": {"nv"}, "B": MELANOMA}


def test_tables_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    table(tmp_path / "train.csv", TRUTH_2020, ("A", "IP_1", "0"))
    table(tmp_path / "corrected.csv", TRUTH_2020, ("A", "IP_1", "1"))
    picture(tmp_path / "A.jpg")
    with pytest.raises(SourceError, match=r"A\.jpg is listed twice, with labels that contradict each other"):
        read_source(tmp_path)


CODES = ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")


def test_answers_of_a_network_are_no_labels(tmp_path: Path) -> None:
    """What was sent in to the challenge has the columns of its truth."""
    table(tmp_path / "submission.csv", ("image", *CODES), ("A", "0.91", "0.05", "0.04", *"0000"))
    picture(tmp_path / "A.jpg")
    with pytest.raises(SourceError, match=r"submission\.csv, line 2: MEL='0\.91' for 'A' is neither 0 nor 1"):
        read_source(tmp_path)


def test_a_row_with_two_labels_has_none(tmp_path: Path) -> None:
    table(tmp_path / "truth.csv", ("image", *CODES), ("A", "0", "1", "0", "0", "1", "0", "0"))
    picture(tmp_path / "A.jpg")
    with pytest.raises(SourceError, match=r"truth\.csv, line 2: 'A' has several labels: NV, BKL"):
        read_source(tmp_path)


def test_a_row_without_a_label_has_none(tmp_path: Path) -> None:
    table(tmp_path / "truth.csv", ("image", *CODES), ("A", *"0000000"), ("B", "1"))
    for name in "AB":
        picture(tmp_path / f"{name}.jpg")
    assert [image.label for image in read_source(tmp_path)] == [NOTHING, MELANOMA]


def test_what_a_challenge_tests_on_is_its_test_set_and_the_rest_is_not_divided_again(tmp_path: Path) -> None:
    for part, name in (("Training", "A"), ("Validation", "B"), ("Test", "C")):
        table(tmp_path / f"ISIC2018_Task3_{part}_GroundTruth.csv", ("image", *CODES), (name, *"0100000"))
        picture(tmp_path / f"{name}.jpg")
    assert [image.given_split for image in read_source(tmp_path)] == ["test", "train", "train"]
