from pathlib import Path

import pytest

from tests.training.layouts.written import picture
from training.images import SourceError
from training.labels import BENIGN, MALIGNANT, MELANOMA
from training.sources import read_source, read_sources


def test_classes_with_train_and_test(tmp_path: Path) -> None:
    for part in ("train", "valid", "Test"):
        for name in ("Benign", "malignant"):
            picture(tmp_path / part / name / f"{part}_{name}.png")
    found = {image.path.stem: image for image in read_source(tmp_path)}
    assert found["train_Benign"].label == BENIGN
    assert found["Test_malignant"].label == MALIGNANT
    splits = {name: image.given_split for name, image in found.items()}
    assert splits["Test_Benign"] == "test"
    assert splits["valid_Benign"] == splits["train_malignant"] == "train"


def test_classes_alone_by_words_and_codes_and_the_root_may_be_the_source(tmp_path: Path) -> None:
    names = {"Melanoma": MELANOMA, "nv": {"nv"}, "actinic_keratosis": {"akiec"}, "vascular lesions": {"vasc"}}
    for name in names:
        picture(tmp_path / "clinic" / name / f"{name}.jpg")
    found = read_sources(tmp_path / "clinic")
    assert {image.path.stem: image.label for image in found} == names
    assert {image.source for image in found} == {"clinic"}
    assert [image.label for image in read_sources(tmp_path)] == [image.label for image in found]


def test_a_class_that_is_not_known_is_not_left_out_silently(tmp_path: Path) -> None:
    for name in ("melanoma", "something"):
        picture(tmp_path / name / "a.jpg")
    with pytest.raises(SourceError, match="something is no class that is known"):
        read_source(tmp_path)


@pytest.mark.parametrize("others", [(), ("Melanoma",)])
def test_a_class_named_after_what_it_is_not_is_refused(tmp_path: Path, others: tuple[str, ...]) -> None:
    for name in ("NotMelanoma", *others):
        picture(tmp_path / "clinic" / name / "a.jpg")
    for read, folder in ((read_source, tmp_path / "clinic"), (read_sources, tmp_path)):
        with pytest.raises(SourceError, match="NotMelanoma says only what its images are not"):
            read(folder)
