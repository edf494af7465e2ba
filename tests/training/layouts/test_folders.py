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


@pytest.mark.parametrize("name", ["suspected melanoma", "bukan melanoma", "melanoma_nevus", "melanoma-like"])
@pytest.mark.parametrize("others", [(), ("nevus",)])
def test_a_class_whose_name_says_something_else_as_well_is_refused(
    tmp_path: Path, name: str, others: tuple[str, ...]
) -> None:
    for folder in (name, *others):
        picture(tmp_path / folder / "a.jpg")
    with pytest.raises(SourceError, match=f"{name} is no class that is known: .* and after nothing else"):
        read_source(tmp_path)


def test_masks_beside_photographs_are_left_out(tmp_path: Path) -> None:
    photographs = {"a.jpg", "b.png", "patient3_lesion2.jpg"}
    for name in (*photographs, "a_segmentation.png", "b_superpixels.png", "b_lesion.png", "masks/a.png"):
        picture(tmp_path / "melanoma" / name)
    picture(tmp_path / "nevus" / "c.jpg")
    found = read_source(tmp_path)
    assert {image.path.name for image in found} == {*photographs, "c.jpg"}


def test_a_class_of_nothing_but_masks_is_no_empty_class(tmp_path: Path) -> None:
    picture(tmp_path / "melanoma" / "a_lesion.jpg")
    picture(tmp_path / "nevus" / "c.jpg")
    with pytest.raises(SourceError, match="named like masks"):
        read_source(tmp_path)


@pytest.mark.parametrize("also", [(), ("melanoma/b.jpg",)])
def test_photographs_below_a_class_are_not_left_out_silently(tmp_path: Path, also: tuple[str, ...]) -> None:
    for name in ("melanoma/2020/a.jpg", "nevus/c.jpg", *also):
        picture(tmp_path / name)
    with pytest.raises(SourceError, match=r"melanoma/2020/a\.jpg lies too deep"):
        read_source(tmp_path)


def test_what_programs_leave_below_a_class_does_not_matter(tmp_path: Path) -> None:
    for name in ("melanoma/b.jpg", "melanoma/.ipynb_checkpoints/b-checkpoint.jpg", "nevus/c.jpg"):
        picture(tmp_path / name)
    assert [image.path.name for image in read_source(tmp_path)] == ["b.jpg", "c.jpg"]


def test_what_programs_leave_beside_and_in_a_class_does_not_matter(tmp_path: Path) -> None:
    for name in ("melanoma/b.jpg", "nevus/c.JFIF", ".ipynb_checkpoints/b-checkpoint.jpg", "@eaDir/d.jpg"):
        picture(tmp_path / Path(name).with_suffix(".jpg"))
    (tmp_path / "nevus" / "c.jpg").rename(tmp_path / "nevus" / "c.JFIF")
    for name in ("melanoma/._b.jpg", "melanoma/Thumbs.db", "melanoma/notes.txt"):
        (tmp_path / name).write_bytes(b"\0")
    assert [image.path.name for image in read_source(tmp_path)] == ["b.jpg", "c.JFIF"]


@pytest.mark.parametrize("name", ["melanoma/d.DCM", "melanoma/2020/d.heic", "nevus/d.gif"])
@pytest.mark.parametrize("also", ["melanoma/a.jpg", "nevus/a.jpg"])
def test_photographs_of_a_kind_that_is_not_read_are_not_left_out_silently(tmp_path: Path, name: str, also: str) -> None:
    picture(tmp_path / also)
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(b"something")
    with pytest.raises(SourceError, match=rf"{name} is of a kind that training does not read"):
        read_source(tmp_path)


def test_testing_is_a_test_set(tmp_path: Path) -> None:
    for name in ("Training/nevus/a.jpg", "Testing/nevus/b.jpg"):
        picture(tmp_path / name)
    assert [(image.path.stem, image.given_split) for image in read_source(tmp_path)] == [("a", "train"), ("b", "test")]


def test_photographs_beside_train_and_test_are_not_left_out_silently(tmp_path: Path) -> None:
    for name in ("train/nevus/a.jpg", "test/nevus/b.jpg", "masks/a.png", "notes/a_segmentation.png"):
        picture(tmp_path / name)
    assert len(read_source(tmp_path)) == 2
    picture(tmp_path / "extra" / "nevus" / "c.jpg")
    with pytest.raises(SourceError, match=rf"{tmp_path}/extra has photographs beside test and train: put them into"):
        read_source(tmp_path)
