import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from service.unfinished import MARK, Mark


def killed(mark: Mark) -> None:
    """What is left of a process: its locks are gone, its file is not."""
    assert mark._descriptor is not None
    os.close(mark._descriptor)


def test_a_start_that_did_not_end_is_told_to_those_after_it_until_all_is_well(tmp_path: Path) -> None:
    state = tmp_path / "state"
    first = Mark(state)
    assert not first.left
    killed(first)
    second = Mark(state)
    assert second.left
    killed(second)
    third = Mark(state)
    assert third.left
    third.remove()
    third.remove()
    assert not (state / MARK).exists()
    assert not Mark(state).left


def test_those_that_start_at_the_same_time_are_no_unfinished_ones(tmp_path: Path) -> None:
    first, second = Mark(tmp_path), Mark(tmp_path)
    assert not first.left
    assert not second.left
    first.remove()
    assert (tmp_path / MARK).exists()  # the second one may still crash
    killed(second)
    assert Mark(tmp_path).left


@pytest.mark.parametrize(
    "meanwhile", [lambda file, made: fcntl.flock(made, fcntl.LOCK_SH), lambda file, made: file.unlink()]
)
def test_one_that_has_just_made_it_or_is_just_done_is_no_unfinished_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[Path, int], None]
) -> None:
    made = os.open(tmp_path / MARK, os.O_RDWR | os.O_CREAT)
    monkeypatch.setattr(time, "sleep", lambda _: meanwhile(tmp_path / MARK, made))
    assert not Mark(tmp_path).left
    os.close(made)


def test_of_those_that_start_together_after_one_all_are_told(tmp_path: Path) -> None:
    killed(Mark(tmp_path))
    together = [Mark(tmp_path) for _ in range(3)]
    assert all(mark.left for mark in together)
    for mark in together:
        assert (tmp_path / MARK).exists()
        mark.remove()
    assert not (tmp_path / MARK).exists()


def test_the_mark_of_another_start_is_left_alone(tmp_path: Path) -> None:
    first = Mark(tmp_path)
    (tmp_path / MARK).unlink()
    second = Mark(tmp_path)
    first.remove()
    assert (tmp_path / MARK).exists()
    second.remove()
    assert not (tmp_path / MARK).exists()


def test_where_nothing_can_be_written_nothing_is_marked(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    mark = Mark(tmp_path / "state")
    assert not mark.left
    mark.remove()


def test_where_files_cannot_be_locked_no_start_is_taken_for_unfinished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / MARK).touch()

    def refused(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(fcntl, "flock", refused)
    assert not Mark(tmp_path).left
