from dataclasses import replace

import numpy as np
import pytest

from tests.training.built import Data
from training.labels import BENIGN
from training.paper.data import PaperData, malignant, paper_data


def test_the_train_folder_is_split_by_pictures_and_the_test_folder_is_whole(data: Data, paper: PaperData) -> None:
    images = data.table.images
    assert {images[row].source for part in (paper.training, paper.validation, paper.test) for row in part} == {
        "melanoma10000"
    }
    assert len(paper.test) == 16
    assert {images[row].given_split for row in paper.test} == {"test"}
    assert not set(data.table.copies[paper.training]) & set(data.table.copies[paper.validation])
    learned = len(paper.training) + len(paper.validation)
    assert 0.05 < len(paper.validation) / learned < 0.3


def test_test_images_with_a_copy_in_training_are_known(data: Data, paper: PaperData) -> None:
    dirty = {data.table.images[row].path.stem for row in paper.test[~paper.clean]}
    assert dirty == {"melanoma_test0b"}  # planted: melanoma_of_test


def test_labels_are_those_of_the_folders(data: Data, paper: PaperData) -> None:
    expected = ["malignant" in data.table.images[row].path.parent.name for row in paper.test]
    assert malignant(data.table, paper.test).tolist() == expected
    assert np.mean(expected) == 0.5


def test_as_roles_of_the_whole_table_it_says_the_same(data: Data, paper: PaperData) -> None:
    count = len(data.table.images)
    roles = np.array(paper.split(count).roles)
    for role, rows in (("training", paper.training), ("validation", paper.validation), ("test", paper.test)):
        assert np.flatnonzero(roles == role).tolist() == sorted(rows.tolist())
    assert (roles == "removed").sum() == count - len(paper.training) - len(paper.validation) - len(paper.test)


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_folder_with_one_class_alone_is_not_divided(data: Data, part: str) -> None:
    images = [replace(image, label=BENIGN) if image.given_split == part else image for image in data.table.images]
    with pytest.raises(ValueError, match="each with benign/ and malignant/"):
        paper_data(replace(data.table, images=images))


def test_without_the_source_it_says_what_is_needed(data: Data) -> None:
    with pytest.raises(ValueError, match="nothing/train and nothing/test"):
        paper_data(data.table, "nothing")
