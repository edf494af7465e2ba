from pathlib import Path

import pytest
from PIL import Image

from tests.training.layouts.written import picture, table
from training.images import SourceError
from training.layouts.tables import Folder, Sheet, first, number


def test_tables_are_found_by_their_columns(tmp_path: Path) -> None:
    table(tmp_path / "a_test.csv", ("image", "dx"), ("A", "nv"))
    table(tmp_path / "meta" / "b.csv", ("image", "meta.clinical.age"), ("A", "5"))
    table(tmp_path / "empty.csv", ("image", "dx"))
    folder = Folder(tmp_path)
    assert [(sheet.path.name, sheet.split) for sheet in folder.sheets_with("dx")] == [("a_test.csv", "test")]
    assert [sheet.path.name for sheet in folder.sheets_with("age")] == ["b.csv"]
    assert folder.by_image("image", "age") == {"A": {"image": "A", "age": "5"}}


@pytest.mark.parametrize(
    ("name", "split"),
    [("ISIC2018_Task3_Test_GroundTruth", "test"), ("test", "test"), ("TESTSET", "test"), ("a-test-2", "test"),
     ("latest", ""), ("Contest_labels", ""), ("ISIC_2020_Training_GroundTruth", "")],
)  # fmt: skip
def test_a_table_of_a_test_set_says_so_in_its_name(tmp_path: Path, name: str, split: str) -> None:
    assert Sheet(tmp_path / f"{name}.csv", frozenset(), []).split == split


def test_a_byte_order_mark_is_no_part_of_a_column(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfimage,dx\r\nA,nv\r\n")
    assert len(Folder(tmp_path).sheets_with("image", "dx")) == 1


def test_masks_are_no_photographs(tmp_path: Path) -> None:
    for name in ("A.jpg", "A_segmentation.png", "B_mask.png", "deep/er/C.JPG"):
        picture(tmp_path / name)
    assert sorted(Folder(tmp_path).pictures) == ["A", "C"]


def test_a_mask_of_the_same_name_is_not_taken_for_the_photograph(tmp_path: Path) -> None:
    for name in ("images/A.jpg", "masks/A.png", "Part1_Segmentations/A.png", "super_pixel/superpixels/A.png"):
        picture(tmp_path / name)
    picture(tmp_path / "masks" / "B.png")
    picture(tmp_path / "skin_lesions" / "C.png")
    folder = Folder(tmp_path)
    assert folder.picture("A") == tmp_path / "images" / "A.jpg"
    assert folder.picture("C") == tmp_path / "skin_lesions" / "C.png"
    with pytest.raises(SourceError, match="names 'B', but"):
        folder.picture("B")


def test_a_data_root_whose_own_name_sounds_like_masks(tmp_path: Path) -> None:
    picture(tmp_path / "segmentation" / "clinic" / "A.jpg")
    assert sorted(Folder(tmp_path / "segmentation" / "clinic").pictures) == ["A"]


def test_of_two_pictures_of_one_name_none_is_chosen_silently(tmp_path: Path) -> None:
    picture(tmp_path / "first" / "A.jpg")
    picture(tmp_path / "second" / "A.jpg")
    folder = Folder(tmp_path)
    assert folder.picture("A").name == "A.jpg"  # the same file twice
    Image.new("RGB", (8, 8), "pink").save(tmp_path / "first" / "A.jpg")
    with pytest.raises(SourceError, match=r"names 'A', but which picture is it: \S+first/A\.jpg or"):
        folder.picture("A")


def test_a_row_that_ends_early_says_nothing_in_its_last_columns(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("image,dx,age\nA,nv\n")
    assert Folder(tmp_path).sheets_with("dx")[0].rows == [{"image": "A", "dx": "nv", "age": ""}]


def test_a_comma_at_the_end_of_a_row_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("image,dx\nA,nv,\n")
    assert Folder(tmp_path).sheets_with("dx")[0].rows == [{"image": "A", "dx": "nv"}]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"image,dx\nA,nv\nB,n\xe6vus\n", r"a\.csv, line 3: not UTF-8"),
        (b"image,dx\nA,nv\nB,nv,mel\n", r"a\.csv, line 3: more cells than the header has names"),
        (b'image,dx\nA,nv\nB,"' + b"x" * 200_000 + b'"\n', r"a\.csv, line 3: field larger than"),
    ],
)
def test_what_is_no_table_is_told_with_its_file(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(SourceError, match=told):
        _ = Folder(tmp_path).sheets


def test_cells() -> None:
    cells = ("0.5", "", None, "unknown", "nan", "inf", "-1e999")
    assert [number(text) for text in cells] == [0.5, None, None, None, None, None, None]
    assert first({"a": "", "b": "x"}, ["a", "b"]) == "x"
    assert first({"a": "NaN", "b": "unknown", "c": "x"}, ["a", "b", "c"]) == "x"
    assert first({"a": "n/a"}, ["a"]) == first({}, ["a"]) == ""
