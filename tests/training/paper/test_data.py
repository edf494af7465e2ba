import numpy as np
import pytest

from tests.training.built import Data
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


def test_without_the_source_it_says_what_is_needed(data: Data) -> None:
    with pytest.raises(ValueError, match="nothing/train and nothing/test"):
        paper_data(data.table, "nothing")
