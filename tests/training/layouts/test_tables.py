from pathlib import Path

import pytest
from PIL import Image

from tests.training.layouts.written import picture, table
from training.images import SourceError
from training.layouts.tables import Folder, Sheet, first, number, sex


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
    assert Sheet(tmp_path / f"{name}.csv", frozenset()).split == split


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


def test_a_table_may_name_files_with_their_endings(tmp_path: Path) -> None:
    picture(tmp_path / "A.jpg")
    picture(tmp_path / "B.1.png")
    folder = Folder(tmp_path)
    for name in ("A", "A.jpg", "A.JPEG"):
        assert folder.picture(name) == tmp_path / "A.jpg"
    for name in ("B.1", "B.1.png"):
        assert folder.picture(name) == tmp_path / "B.1.png"
    with pytest.raises(SourceError, match=r"names 'B\.png', but"):
        folder.picture("B.png")


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
    assert Folder(tmp_path).sheets_with("dx")[0].rows == {2: {"image": "A", "dx": "nv", "age": ""}}


def test_a_comma_at_the_end_of_a_row_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("image,dx\nA,nv,\n")
    assert Folder(tmp_path).sheets_with("dx")[0].rows == {2: {"image": "A", "dx": "nv"}}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"image,dx\nA,nv\nB,n\xe6vus\n", r"a\.csv, line 3: not UTF-8"),
        (b"image,dx\nA,nv\nB,nv,mel\n", r"a\.csv, line 3: more cells than the header has names"),
        (b'image,dx\nA,nv\nB,"' + b"x" * 200_000 + b'"\n', r"a\.csv, line 3: field larger than"),
        (b"image,dx, dx\nA,nv,mel\n", r"a\.csv: two columns are called 'dx'"),
        (b"image,dx,meta.clinical.dx\nA,nv,mel\n", r"a\.csv: two columns are called 'dx'"),
    ],
)
def test_what_is_no_table_is_told_with_its_file(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(SourceError, match=told):
        _ = [sheet.rows for sheet in Folder(tmp_path).sheets]


def test_sexes_have_one_form() -> None:
    cells = {"M": "male", "Male ": "male", "female": "female", "f": "female", "unknown": "", "": ""}
    assert {cell: sex({"sex": cell}) for cell in cells} == cells
    assert sex({}) == ""


def test_cells() -> None:
    cells = ("0.5", "", None, "unknown", "nan", "inf", "-1e999", "1_0", "0,5")
    assert [number(text) for text in cells] == [0.5, *[None] * 8]
    assert first({"a": "", "b": "x"}, ["a", "b"]) == "x"
    assert first({"a": "NaN", "b": "unknown", "c": "x"}, ["a", "b", "c"]) == "x"
    assert first({"a": "n/a"}, ["a"]) == first({}, ["a"]) == ""


def test_a_table_that_is_about_something_else_is_not_read_to_its_end(tmp_path: Path) -> None:
    """Kaggle's HAM10000 has all pixels of all images as a table, of which a row would take a quarter of a megabyte."""
    (tmp_path / "pixels.csv").write_bytes(b"pixel0000,label\n1,2\n" + b"\xff,2,3\n")
    table(tmp_path / "truth.csv", ("image", "dx"), ("A", "nv"))
    folder = Folder(tmp_path)
    assert [sheet.path.name for sheet in folder.sheets] == ["pixels.csv", "truth.csv"]
    assert folder.by_image("image", "dx") == {"A": {"image": "A", "dx": "nv"}}


def test_columns_without_a_name_may_be_several(tmp_path: Path) -> None:
    """As programs for tables leave them behind the last one."""
    (tmp_path / "a.csv").write_text("image,dx,,\nA,nv,,\n")
    assert Folder(tmp_path).by_image("image", "dx")["A"]["dx"] == "nv"


def test_names_of_other_things_are_no_names_of_pictures(tmp_path: Path) -> None:
    """An export of former years has the names of the picture, of its dataset and of who made that."""
    table(tmp_path / "a.csv", ("name", "creator.name", "dataset.name", "benign_malignant"), ("A", "B", "C", "benign"))
    assert [row["name"] for row in Folder(tmp_path).sheets_with("name")[0].rows.values()] == ["A"]


def test_what_programs_leave_behind_is_no_part_of_the_data(tmp_path: Path) -> None:
    """Half of a file that macOS writes beside each on a stick, folders of thumbnails, checkpoints."""
    for name in ("images/A.jpg", "@eaDir/B/A.jpg", "__MACOSX/images/C.jpg", ".thumbnails/A.png"):
        picture(tmp_path / name)
    (tmp_path / "images" / "._A.jpg").write_bytes(b"\0\5\x16\7")
    (tmp_path / "images" / "@eaDir" / "A.jpg").mkdir(parents=True)
    (tmp_path / "images" / "C.jpg").mkdir()  # a folder
    (tmp_path / "._metadata.csv").write_bytes(b"\0\5\x16\7\xff")
    folder = Folder(tmp_path)
    assert folder.pictures == {"A": [tmp_path / "images" / "A.jpg"]}
    assert folder.tables == []


def test_a_source_has_the_name_of_its_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two links may lead to folders of one name, and are two sources all the same."""
    (tmp_path / "disk" / "images").mkdir(parents=True)
    (tmp_path / "clinic").symlink_to(tmp_path / "disk" / "images")
    assert Folder(tmp_path / "clinic").name == "clinic"
    monkeypatch.chdir(tmp_path / "disk" / "images")
    assert (Folder(Path()).name, Folder(Path("..")).name) == ("images", "disk")
