import errno
import os
import stat
from pathlib import Path

import pytest

from model_store.compiled import KEPT, CompiledModels

PLAN = "f32 1x2"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "compiled"


def only_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_what_was_kept_is_read_by_the_next_start(folder: Path) -> None:
    compiled = CompiledModels(folder, "digest")
    assert compiled.read(PLAN) is None
    compiled.write(PLAN, b"model")
    assert not compiled.used
    again = CompiledModels(folder, "digest")
    assert again.read(PLAN) == b"model"
    assert again.used


def test_what_was_kept_is_read_where_nothing_can_be_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a service whose state is mounted read-only would compile everything at every start."""
    CompiledModels(folder, "digest").write(PLAN, b"model")

    def touch(_: Path) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "utime", touch)
    assert CompiledModels(folder, "digest").read(PLAN) == b"model"


@pytest.mark.parametrize(("digest", "made_for"), [("another", PLAN), ("digest", "bf16 1x2")])
def test_only_for_the_same_version_and_plan(folder: Path, digest: str, made_for: str) -> None:
    CompiledModels(folder, "digest").write(PLAN, b"model")
    assert CompiledModels(folder, digest).read(made_for) is None


@pytest.mark.parametrize("position", [0, 31, 32, -1])
def test_not_with_a_bit_changed(folder: Path, position: int) -> None:
    compiled = CompiledModels(folder, "digest")
    compiled.write(PLAN, b"model")
    content = bytearray(only_file(folder).read_bytes())
    content[position] ^= 1
    only_file(folder).write_bytes(content)
    assert compiled.read(PLAN) is None
    assert not compiled.used


@pytest.mark.parametrize("length", [0, 10, 32, 36])
def test_not_cut_short(folder: Path, length: int) -> None:
    compiled = CompiledModels(folder, "digest")
    compiled.write(PLAN, b"model")
    os.truncate(only_file(folder), length)
    assert compiled.read(PLAN) is None


def test_not_under_another_name(folder: Path) -> None:
    compiled = CompiledModels(folder, "digest")
    compiled.write("other plan", b"other model")
    other = only_file(folder)
    compiled.write(PLAN, b"model")
    (mine,) = set(folder.iterdir()) - {other}
    other.replace(mine)
    assert compiled.read(PLAN) is None


def test_anew_reads_nothing_and_takes_its_place(folder: Path) -> None:
    CompiledModels(folder, "digest").write(PLAN, b"bad")
    anew = CompiledModels(folder, "digest", anew=True)
    assert anew.read(PLAN) is None
    anew.write(PLAN, b"good")
    assert CompiledModels(folder, "digest").read(PLAN) == b"good"


def test_for_its_user_only(folder: Path) -> None:
    CompiledModels(folder, "digest").write(PLAN, b"model")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(only_file(folder).stat().st_mode) == 0o600


def test_what_was_not_used_for_longest_goes(folder: Path) -> None:
    compiled = CompiledModels(folder, "digest")
    for number in range(KEPT):
        compiled.write(str(number), b"model")
        os.utime(compiled._path(str(number)), (number, number))
    assert compiled.read("0") == b"model"  # and so it was used just now
    compiled.write("one more", b"model")
    assert len(list(folder.iterdir())) == KEPT
    assert compiled.read("0") is not None
    assert compiled.read("1") is None


def test_a_folder_that_it_belongs_into_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        CompiledModels(tmp_path / "state" / "compiled", "digest").write(PLAN, b"model")
    assert list(tmp_path.iterdir()) == []
