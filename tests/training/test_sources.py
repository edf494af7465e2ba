import csv
from collections import Counter
from pathlib import Path

import pytest

from tests.training.built import Data
from tests.training.layouts.written import picture, table
from training.images import Image, SourceError
from training.labels import BENIGN, MALIGNANT, MELANOMA
from training.sources import read_source, read_sources, unnamed


@pytest.fixture(scope="module")
def painted(data: Data) -> dict[str, Image]:
    return {f"{image.source}/{image.path.stem}": image for image in read_sources(data.root)}


def _write(folder: Path, columns: list[str], *rows: list[str]) -> Path:
    (folder / "images").mkdir(parents=True)
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])
    return folder


def test_every_layout_is_recognised(painted: dict[str, Image]) -> None:
    assert Counter(image.source for image in painted.values()) == {
        "ham10000": 110,
        "isic2017": 52,
        "melanoma10000": 58,
        "isic-acral": 25,
        "melanoma-severity": 41,
        "fullres": 4,
    }


def test_labels_say_what_the_source_says_and_no_more(painted: dict[str, Image]) -> None:
    assert painted["ham10000/ISIC_0024306"].label == MELANOMA
    assert painted["isic2017/ISIC_0000000"].label == MELANOMA
    assert painted["isic2017/ISIC_0000001"].label == {"nv", "bkl"}
    assert painted["melanoma10000/melanoma_train0m"].label == MALIGNANT
    assert painted["melanoma10000/melanoma_train0b"].label == BENIGN
    assert painted["isic-acral/ISIC_0050000"].label == MELANOMA
    assert painted["isic-acral/ISIC_0050001"].label == BENIGN
    assert painted["isic-acral/ISIC_0050099"].label == frozenset()  # indeterminate
    assert painted["fullres/ISIC_0090000"].label == MELANOMA
    assert painted["fullres/ISIC_0090001"].label == BENIGN


def test_seven_diagnoses_stay_seven(painted: dict[str, Image]) -> None:
    for image in painted.values():
        if image.source == "ham10000":
            assert image.label == {image.facts["dx"]}


def test_no_source_calls_a_malignancy_benign(painted: dict[str, Image]) -> None:
    for name, image in painted.items():
        assert image.label <= MALIGNANT or image.label <= BENIGN, name
        if {"bcc", "akiec"} & image.label:
            assert not image.label & BENIGN, name


def test_lesions_patients_and_own_test_splits(painted: dict[str, Image]) -> None:
    assert painted["ham10000/ISIC_0099991"].lesion == "HAM_0000005"
    assert painted["melanoma-severity/ISIC_0070000"].lesion == "IP_0"  # no lesion is recorded, so the patient
    assert painted["melanoma-severity/ISIC_0070002"].lesion == ""
    assert painted["melanoma10000/melanoma_test0b"].given_split == "test"
    assert painted["melanoma10000/melanoma_train0b"].given_split == "train"
    assert {image.given_split for image in painted.values() if image.source != "melanoma10000"} == {""}


def test_a_malignancy_of_unknown_kind_may_be_any(tmp_path: Path) -> None:
    folder = _write(tmp_path / "archive", ["isic_id", "diagnosis_1", "diagnosis_3"], ["A", "Malignant", "Something"])
    (folder / "images" / "A.jpg").touch()
    assert [image.label for image in read_source(folder)] == [MALIGNANT]


def test_folders_without_labels_are_passed_over(data: Data) -> None:
    assert (data.root / "notes").is_dir()
    assert "notes" not in {image.source for image in data.table.images}


def _paint_parts(root: Path) -> None:
    for part in ("train", "test"):
        for name in ("benign", "malignant"):
            picture(root / part / name / f"{part}_{name}.png")


def test_a_root_with_train_and_test_is_one_source_with_its_own_split(tmp_path: Path) -> None:
    root = tmp_path / "my-clinic"
    _paint_parts(root)
    (root / "notes").mkdir()
    found = read_sources(root)
    assert found == read_source(root) == read_sources(tmp_path)
    assert {(image.source, image.given_split) for image in found} == {("my-clinic", "train"), ("my-clinic", "test")}


def test_train_and_test_among_other_sources_are_nobody_s_split(tmp_path: Path) -> None:
    _paint_parts(tmp_path)
    picture(tmp_path / "clinic" / "melanoma" / "a.png")
    with pytest.raises(SourceError, match="has test and train beside clinic: put them into a folder"):
        read_sources(tmp_path)


def test_a_source_may_be_called_test(tmp_path: Path) -> None:
    for source in ("test", "clinic"):
        picture(tmp_path / source / "melanoma" / "a.png")
    assert [(image.source, image.given_split) for image in read_sources(tmp_path)] == [("clinic", ""), ("test", "")]


def test_a_folder_without_anything_to_read(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no labelled images under"):
        read_sources(tmp_path)
    with pytest.raises(SourceError, match="neither a table nor folders of classes"):
        read_source(tmp_path)


def test_an_unknown_table(tmp_path: Path) -> None:
    _write(tmp_path / "odd", ["name", "verdict"], ["A", "bad"])
    with pytest.raises(SourceError, match=r"no known columns \(metadata\.csv has name, verdict\); known are: HAM10000"):
        read_sources(tmp_path)


@pytest.mark.parametrize("name", ["metadata.CSV", "meta/metadata.csv"])
def test_an_unknown_table_wherever_tables_lie(tmp_path: Path, name: str) -> None:
    (tmp_path / "odd" / name).parent.mkdir(parents=True)
    (tmp_path / "odd" / name).write_text("isic_id;diagnosis_1\nA;Benign\n")  # as a spreadsheet writes it in Europe
    with pytest.raises(SourceError, match=r"no known columns \(metadata\.\w+ has isic_id;diagnosis_1\)"):
        read_sources(tmp_path)


def test_an_unknown_table_in_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "metadata.csv").write_bytes("isic_id,diagnosis_1\nA,Benign\n".encode("utf-16"))
    with pytest.raises(SourceError, match=r"metadata\.csv, line 1: not UTF-8"):
        read_sources(tmp_path)


def test_tables_of_two_layouts_do_not_leave_each_other_s_images_out(tmp_path: Path) -> None:
    folder = _write(tmp_path / "both", ["dx", "lesion_id", "image_id"], ["mel", "L", "A"])
    for name in "AB":
        (folder / "images" / f"{name}.jpg").touch()
    table(folder / "archive.csv", ("isic_id", "diagnosis_1"), ("A", "Malignant"))
    assert [image.path.stem for image in read_source(folder)] == ["A"]
    table(folder / "archive.csv", ("isic_id", "diagnosis_1"), ("A", "Malignant"), ("B", "Benign"))
    message = r"has tables of HAM10000 and of ISIC Archive, which lists B\.jpg as well: put each into a folder"
    with pytest.raises(SourceError, match=message):
        read_source(folder)


def test_two_links_to_folders_of_one_name_are_two_sources(tmp_path: Path) -> None:
    for clinic in ("north", "south"):
        picture(tmp_path / "disks" / clinic / "images" / "nevus" / "a.jpg")
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / clinic).symlink_to(tmp_path / "disks" / clinic / "images")
    assert [image.source for image in read_sources(tmp_path / "data")] == ["north", "south"]


def test_an_empty_table(tmp_path: Path) -> None:
    _write(tmp_path / "empty", ["dx", "lesion_id", "image_id"])
    with pytest.raises(SourceError, match="no known columns"):
        read_sources(tmp_path)


def test_an_unknown_diagnosis_is_not_guessed(tmp_path: Path) -> None:
    folder = _write(tmp_path / "ham", ["dx", "lesion_id", "image_id"], ["scc", "L", "A"])
    (folder / "images" / "A.jpg").touch()
    with pytest.raises(SourceError, match=r"dx='scc' for 'A'"):
        read_source(folder)


def test_a_picture_that_is_not_there(tmp_path: Path) -> None:
    folder = _write(tmp_path / "ham", ["dx", "lesion_id", "image_id"], ["mel", "L", "A"])
    (folder / "images" / "A.txt").touch()  # not a picture
    with pytest.raises(SourceError, match="names 'A', but"):
        read_source(folder)


def test_the_real_folders_hold_what_their_description_says(real_images: list[Image]) -> None:
    """Against ../shared/data/README.md."""
    assert Counter(image.source for image in real_images) == {
        "melanoma10000": 9605 + 1000,
        "ham10000": 6536,
        "isic2017": 2150,
        "melanoma-severity": 266,
        "isic-acral": 1818,
        "fullres": 13,
    }
    dx = Counter(image.facts["dx"] for image in real_images if image.source == "ham10000")
    assert dx == {"mel": 1113, "bcc": 514, "akiec": 327, "bkl": 1099, "df": 115, "vasc": 142, "nv": 3226}
    melanomas = Counter(image.source for image in real_images if image.label == MELANOMA)
    assert (melanomas["isic2017"], melanomas["fullres"], melanomas["melanoma-severity"]) == (404, 6, 266)
    acral = Counter(image.label <= MALIGNANT for image in real_images if image.source == "isic-acral")
    assert acral == {False: 1309, True: 509}
    tested = Counter(image.label for image in real_images if image.given_split == "test")
    assert tested == {BENIGN: 500, MALIGNANT: 500}


def test_no_real_label_calls_a_malignancy_benign(real_images: list[Image]) -> None:
    for image in real_images:
        assert image.label, image.path.name
        assert image.label <= MALIGNANT or image.label <= BENIGN, image.path.name
        if image.facts.get("dx") in {"bcc", "akiec"}:
            assert image.label == {image.facts["dx"]}


def test_photographs_that_no_table_names_are_counted(tmp_path: Path) -> None:
    """As where a table was cut off on its way, and only half of the images would be learned from."""
    folder = _write(tmp_path / "ham", ["dx", "lesion_id", "image_id"], ["mel", "L", "A"])
    for name in ("A.jpg", "B.jpg", "C.png", "C_segmentation.png"):
        picture(folder / "images" / name)
    picture(folder / "again" / "A.jpg")  # there twice
    picture(tmp_path / "clinic" / "nevus" / "a.jpg")
    assert unnamed(tmp_path, read_sources(tmp_path)) == {"ham": 2}
    assert unnamed(folder, read_sources(folder)) == {"ham": 2}
