from pathlib import Path

import pytest

from service.naming import on_one_line, told_as


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a.jpg", "a.jpg"),
        ("M\u00fcller \udce4.jpg", "M\u00fcller \udce4.jpg"),
        ("a\nb.jpg", r"a\nb.jpg"),
        ("a\r\tb\x7f.jpg", r"a\r\tb\x7f.jpg"),
        ("\x1b[2Ka.jpg", r"\x1b[2Ka.jpg"),
        ("gpj.a\u202e", r"gpj.a\u202e"),
        ("a\u2028b\x85", r"a\u2028b\x85"),
    ],
)
def test_a_name_is_one_line_that_no_terminal_obeys(name: str, told: str) -> None:
    assert on_one_line(name) == told


def test_a_full_disk_is_told_by_the_name_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with pytest.raises(OSError, match="No space left") as told, told_as(path), Path("/dev/full").open("w") as full:
        full.write("a row")
    assert told.value.filename == str(path)
