from pathlib import Path

import pytest

from tests.training.layouts.written import picture, table
from training.images import Clinical, SourceError
from training.sources import read_source

HEADER = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")


def test_its_images_lie_in_two_folders_and_its_table_has_no_suffix(tmp_path: Path) -> None:
    """As Harvard's Dataverse hands it out."""
    rows = [
        ("HAM_1", "ISIC_1", "mel", "histo", "45.0", "male", "back"),
        ("HAM_2", "ISIC_2", "nv", "follow_up", "", "unknown", ""),
    ]
    table(tmp_path / "HAM10000_metadata", HEADER, *rows)
    picture(tmp_path / "HAM10000_images_part_1" / "ISIC_1.jpg")
    picture(tmp_path / "HAM10000_images_part_2" / "ISIC_2.jpg")
    picture(tmp_path / "HAM10000_segmentations_lesion_tschandl" / "ISIC_1_segmentation.png")
    first, second = read_source(tmp_path)
    assert (set(first.label), first.lesion, first.path.parent.name) == ({"mel"}, "HAM_1", "HAM10000_images_part_1")
    assert first.clinical == Clinical("mel", age=45.0, sex="male", site="back", histology=True)
    assert (set(second.label), second.clinical.age, second.clinical.histology) == ({"nv"}, None, False)


def test_a_diagnosis_that_it_does_not_have_is_an_error(tmp_path: Path) -> None:
    table(tmp_path / "metadata.csv", HEADER, ("L", "A", "scc", "histo", "", "", ""))
    with pytest.raises(SourceError, match=r"metadata\.csv, line 2: unknown diagnosis dx='scc' for 'A'$"):
        read_source(tmp_path)


def test_a_row_of_nothing_is_told_by_its_line(tmp_path: Path) -> None:
    """Of empty lines and of cells with line breaks, too: the number is the one that an editor shows."""
    rows = ('HAM_1,ISIC_1,nv,histo,45,male,"lower\nextremity"', "", ",,,,,,")
    (tmp_path / "metadata.csv").write_text("\n".join([",".join(HEADER), *rows]) + "\n")
    picture(tmp_path / "ISIC_1.jpg")
    with pytest.raises(SourceError, match=rf"^{tmp_path}/metadata\.csv, line 5: unknown diagnosis dx='' for ''$"):
        read_source(tmp_path)


def test_what_says_unknown_is_not_recorded(tmp_path: Path) -> None:
    rows = [("unknown", "A", "nv", "", "nan", "", ""), ("n/a", "B", "nv", "", "inf", "", "")]
    table(tmp_path / "metadata.csv", HEADER, *rows)
    for name in "AB":
        picture(tmp_path / f"{name}.jpg")
    assert [(image.lesion, image.clinical.age) for image in read_source(tmp_path)] == [("", None), ("", None)]


def test_a_picture_that_two_copies_of_the_table_list_is_there_once(tmp_path: Path) -> None:
    for name in ("HAM10000_metadata", "HAM10000_metadata.csv"):
        table(tmp_path / name, HEADER, ("L", "A", "nv", "histo", "", "", ""))
    picture(tmp_path / "A.jpg")
    assert len(read_source(tmp_path)) == 1


def test_kaggle_s_tables_of_pixels_do_not_matter(tmp_path: Path) -> None:
    table(tmp_path / "HAM10000_metadata.csv", HEADER, ("L", "A", "nv", "histo", "", "", ""))
    (tmp_path / "hmnist_28_28_RGB.csv").write_bytes(b"pixel0000,pixel0001,label\n1,2,3\n\xff,1,2,3\n")
    picture(tmp_path / "HAM10000_images_part_1" / "A.jpg")
    assert [image.path.stem for image in read_source(tmp_path)] == ["A"]
