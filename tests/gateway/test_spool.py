from pathlib import Path

import pytest

from gateway.spool import Spool


def test_a_file_is_there_as_a_whole_and_for_its_owner_only(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    spool.write("a.image", b"first")
    spool.write("a.image", b"second")
    assert spool.read("a.image") == b"second"
    assert spool.names() == ["a.image"]
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "spool" / "a.image").stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.write("a.image", b"first")
    (tmp_path / "a.image.partial").mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        spool.write("a.image", b"second")
    assert spool.read("a.image") == b"first"


def test_removing_twice_is_no_error(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.write("a.image", b"x")
    assert spool.has("a.image")
    spool.remove("a.image")
    spool.remove("a.image")
    assert not spool.has("a.image")
