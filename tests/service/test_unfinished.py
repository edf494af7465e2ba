import fcntl
from pathlib import Path

from service.unfinished import MARK, marked


def test_a_start_that_did_not_end_is_told_to_the_next(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with marked(state) as mark:
        assert not mark.left
        assert (state / MARK).exists()
    assert not (state / MARK).exists()
    (state / MARK).touch()  # as a process leaves it that was killed
    with marked(state) as mark:
        assert mark.left
    with marked(state) as mark:
        assert not mark.left


def test_a_mark_that_stays_is_told_to_the_next_start(tmp_path: Path) -> None:
    with marked(tmp_path) as mark:
        mark.stays = True
    with marked(tmp_path) as mark:
        assert mark.left


def test_one_that_is_under_way_is_no_unfinished_one(tmp_path: Path) -> None:
    """Several processes of one service load at the same time."""
    with marked(tmp_path), marked(tmp_path) as second, marked(tmp_path) as third:
        assert not second.left
        assert not third.left


def test_where_nothing_can_be_written_nothing_is_marked(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with marked(tmp_path / "state") as mark:
        assert not mark.left


def test_where_files_cannot_be_locked_no_start_is_taken_for_unfinished(tmp_path: Path) -> None:
    with (tmp_path / MARK).open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with marked(tmp_path) as mark:
            assert not mark.left
