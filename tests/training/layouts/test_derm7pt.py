from pathlib import Path

import pytest

from tests.training.layouts.written import picture, table
from training.images import SourceError
from training.labels import BENIGN, MELANOMA
from training.sources import read_source

HEADER = ("case_num", "diagnosis", "location", "sex", "clinic", "derm")
ROWS = [
    ("1", "melanoma (0.76 to 1.5 mm)", "back", "male", "NEL/NEL001.JPG", "NEL/Nel002.jpg"),
    ("2", "reed or spitz nevus", "lower limbs", "female", "Fbl/Fbl001.jpg", "Fbl/Nel002.jpg"),
    ("3", "melanosis", "genital areas", "female", "x.jpg", "A/a3.jpg"),
]


def test_the_dermoscopic_picture_is_taken_by_its_path(tmp_path: Path) -> None:
    table(tmp_path / "meta" / "meta.csv", HEADER, *ROWS)
    table(tmp_path / "meta" / "train_indexes.csv", ("indexes",), ("0",), ("2",))
    table(tmp_path / "meta" / "test_indexes.csv", ("indexes",), ("1",))
    for row in ROWS:
        picture(tmp_path / "images" / row[5])
    images = read_source(tmp_path)
    assert [image.label for image in images] == [MELANOMA, {"nv"}, BENIGN]
    assert [image.path.relative_to(tmp_path / "images").as_posix() for image in images] == [row[5] for row in ROWS]
    assert [image.given_split for image in images] == ["train", "test", "train"]
    assert images[0].clinical.diagnosis == "melanoma (0.76 to 1.5 mm)"
    assert images[0].clinical.site == "back"


def test_a_picture_that_is_not_there(tmp_path: Path) -> None:
    table(tmp_path / "meta" / "meta.csv", HEADER, ROWS[0])
    with pytest.raises(SourceError, match=r"meta\.csv, line 2: names 'NEL/Nel002\.jpg', but"):
        read_source(tmp_path)


def test_an_index_that_is_no_number(tmp_path: Path) -> None:
    table(tmp_path / "meta" / "meta.csv", HEADER, ROWS[0])
    table(tmp_path / "meta" / "test_indexes.csv", ("row", "indexes"), ("1", "0"), ("2", ""))
    picture(tmp_path / "images" / ROWS[0][5])
    with pytest.raises(SourceError, match=r"test_indexes\.csv, line 3: indexes='' is no whole number"):
        read_source(tmp_path)


def test_cases_without_a_number_are_not_one_case(tmp_path: Path) -> None:
    table(tmp_path / "meta" / "meta.csv", HEADER, *(("NA", *row[1:]) for row in ROWS))
    for row in ROWS:
        picture(tmp_path / "images" / row[5])
    assert [image.lesion for image in read_source(tmp_path)] == ["", "", ""]


def test_a_picture_that_two_rows_list_is_there_once(tmp_path: Path) -> None:
    table(tmp_path / "meta" / "meta.csv", HEADER, ROWS[0], ROWS[1], ROWS[1])
    table(tmp_path / "meta" / "test_indexes.csv", ("indexes",), ("2",))
    for row in ROWS:
        picture(tmp_path / "images" / row[5])
    assert [image.given_split for image in read_source(tmp_path)] == ["train", "test"]
    table(tmp_path / "meta" / "meta.csv", HEADER, ROWS[0], ("9", "melanosis", "", "", "", ROWS[0][5]))
    with pytest.raises(SourceError, match="listed twice, with labels that contradict each other"):
        read_source(tmp_path)
