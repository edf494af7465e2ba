import csv
from pathlib import Path

import numpy as np
import pytest

from tests.training.built import Data
from training.images import Image
from training.index import COLUMNS, write_index, written
from training.labels import BENIGN, MALIGNANT
from training.splits import Split
from training.table import Table


@pytest.fixture(scope="module")
def rows(data: Data, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    file = tmp_path_factory.mktemp("index") / "deep" / "index.csv"
    write_index(data.table, data.split, data.root, file)
    with file.open(newline="", encoding="utf-8") as opened:
        return {row["image"]: row for row in csv.DictReader(opened)}


def test_every_image_is_in_it_once_with_every_column(rows: dict[str, dict[str, str]], data: Data) -> None:
    assert len(rows) == len(data.table.images)
    assert all(tuple(row) == COLUMNS for row in rows.values())
    assert rows["ham10000/images/ISIC_0024306.jpg"]["source"] == "ham10000"


def test_labels_are_what_the_source_says_and_what_all_copies_say(rows: dict[str, dict[str, str]]) -> None:
    copy = rows["melanoma10000/train/malignant/melanoma_of_ham.jpg"]
    assert (copy["label"], copy["settled_label"]) == ("mel|bcc|akiec", "mel")
    assert rows["isic2017/images/ISIC_0000102.jpg"]["settled_label"] == ""  # a carcinoma that is called a nevus


def test_copies_share_a_number_and_lesions_a_group(rows: dict[str, dict[str, str]], data: Data) -> None:
    def of(name: str) -> dict[str, str]:
        source, stem = name.split("/")
        return next(row for file, row in rows.items() if row["source"] == source and Path(file).stem == stem)

    for one, other in data.planted.copies:
        assert of(one)["copies"] == of(other)["copies"]
        assert of(one)["group"] == of(other)["group"]
    for copy, original in data.planted.held_out:
        assert of(copy)["split"] == "removed"
        assert of(original)["split"] in ("test", "external", "shown")


def test_facts_are_there_where_they_are_recorded(rows: dict[str, dict[str, str]]) -> None:
    melanoma = rows["melanoma-severity/images/ISIC_0070000.jpg"]
    assert (melanoma["diagnosis"], melanoma["patient"], melanoma["lesion"]) == ("Melanoma in situ", "IP_0", "IP_0")
    assert (melanoma["histology"], melanoma["thickness_mm"]) == ("yes", "")
    assert melanoma["licence"].startswith("per image CC-0")  # the source's, as the row has none
    assert rows["melanoma10000/test/benign/melanoma_test0b.jpg"]["given_split"] == "test"


def test_a_label_in_writing() -> None:
    assert written(BENIGN) == "nv|bkl|df|vasc"
    assert written(MALIGNANT) == "mel|bcc|akiec"
    assert written(frozenset()) == ""


def test_names_that_are_no_utf_8_are_written_as_they_are(tmp_path: Path) -> None:
    image = Image(tmp_path / "n\udce4vus.jpg", "clinic", BENIGN)
    numbers = np.array([0])
    table = Table([image], np.zeros((1, 1, 1, 3), np.uint8), numbers, numbers, [BENIGN])
    write_index(table, Split(["training"]), tmp_path, tmp_path / "index.csv")
    assert b"\r\nn\xe4vus.jpg,clinic," in (tmp_path / "index.csv").read_bytes()
