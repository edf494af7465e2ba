from pathlib import Path

from tests.training.layouts.written import picture, table
from training.layouts.tables import Folder, first, number


def test_tables_are_found_by_their_columns(tmp_path: Path) -> None:
    table(tmp_path / "a_test.csv", ("image", "dx"), ("A", "nv"))
    table(tmp_path / "meta" / "b.csv", ("image", "meta.clinical.age"), ("A", "5"))
    table(tmp_path / "empty.csv", ("image", "dx"))
    folder = Folder(tmp_path)
    assert [(sheet.path.name, sheet.split) for sheet in folder.sheets_with("dx")] == [("a_test.csv", "test")]
    assert [sheet.path.name for sheet in folder.sheets_with("age")] == ["b.csv"]
    assert folder.by_image("image", "age") == {"A": {"image": "A", "age": "5"}}


def test_a_byte_order_mark_is_no_part_of_a_column(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfimage,dx\r\nA,nv\r\n")
    assert len(Folder(tmp_path).sheets_with("image", "dx")) == 1


def test_masks_are_no_photographs(tmp_path: Path) -> None:
    for name in ("A.jpg", "A_segmentation.png", "B_mask.png", "deep/er/C.JPG"):
        picture(tmp_path / name)
    assert sorted(Folder(tmp_path).pictures) == ["A", "C"]


def test_cells() -> None:
    assert [number(text) for text in ("0.5", "", None, "unknown")] == [0.5, None, None, None]
    assert first({"a": "", "b": "x"}, ["a", "b"]) == "x"
    assert first({}, ["a"]) == ""
