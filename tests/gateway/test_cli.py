"""The command line: `run` as a process, the rest as the function that it is."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.objects import key_of
from gateway.queue import DATABASE, Queue
from tests.gateway.samples import photograph, uids


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A queue with an image in each state."""
    queue = Queue(tmp_path / "state")
    for key in ("waits", "answered", "done", "failed", "gone"):
        queue.add(key, b"image")
    queue.miss("absent", "pacs_404", 60)
    queue.postpone("waits", "service_not_reachable", 0)
    queue.answered("answered", b"report")
    queue.answered("done", b"report")
    queue.delivered("done")
    queue.fail("gone", "service_corrupt_image")
    queue.expire(0)
    queue.fail("failed", "service_corrupt_image")
    queue.mark("looked", "2026-01-02")
    queue.close()
    return tmp_path / "state"


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command; its status, what it printed, and what it complained of."""

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(arguments)
        return status, *capsys.readouterr()

    return run


Say = Callable[..., tuple[int, str, str]]


def test_status_says_how_many_are_how_far_and_what_is_stuck(state: Path, say: Say) -> None:
    status, out, _ = say("status", "--state", str(state))
    assert status == 0
    lines = out.splitlines()
    assert [line.split()[:2] for line in lines[:5]] == [
        ["1", "received"], ["1", "answered"], ["1", "delivered"], ["2", "failed"], ["1", "missing"],
    ]  # fmt: skip
    assert "2026-01-02" in out
    stuck = [line.split() for line in lines if "service_" in line or "pacs_" in line]
    assert [(words[0], words[-1]) for words in stuck] == [
        ("gone", "service_corrupt_image"), ("failed", "service_corrupt_image"), ("absent", "pacs_404"),
        ("waits", "service_not_reachable"),
    ]  # fmt: skip


def test_status_for_programs_and_of_one_image(state: Path, say: Say) -> None:
    image = photograph()
    queue = Queue(state)
    queue.add(key_of(uids(image)[1]), image)
    queue.close()
    whole = json.loads(say("status", "--json", "--state", str(state))[1])
    assert whole["counts"] == {"received": 2, "answered": 1, "delivered": 1, "failed": 2, "missing": 1}
    one = json.loads(say("status", "--json", "--state", str(state), uids(image)[1])[1])
    assert [item["state"] for item in one["items"]] == ["received"]
    status, _, complaint = say("status", "--state", str(state), "1.2.3")
    assert (status, complaint) == (1, "gateway: 1 of these images never came\n")


def test_retry_lets_failed_items_go_on(state: Path, say: Say) -> None:
    status, out, complaint = say("retry", "--all", "--state", str(state))
    assert (status, out) == (1, "1 go on.\n")
    assert "gone: did not fail, or its image is gone" in complaint
    assert say("retry", "--state", str(state))[0] == 2
    queue = Queue(state)
    assert (item := queue.item("failed")) is not None
    assert item.state == "received"
    queue.close()


def test_what_is_wrong_is_said_in_words(tmp_path: Path, say: Say) -> None:
    status, out, complaint = say("status", "--state", str(tmp_path))
    assert (status, out) == (1, "")
    assert "there is no queue in" in complaint
    status, _, complaint = say("run", "--state", str(tmp_path), "--poll-seconds", "often")
    assert status == 2
    assert "--poll-seconds" in complaint


def test_a_queue_that_is_damaged_is_told_in_words(state: Path, say: Say) -> None:
    for file in state.glob(f"{DATABASE}*"):
        file.write_bytes(b"\xff" * 5000)
    for command in (["status"], ["retry", "--all"], ["run", "--pacs-url", "http://127.0.0.1:1", "--port", "0"]):
        status, out, complaint = say(*command, "--state", str(state))
        assert (status, out) == (1, "")
        assert complaint.startswith("gateway: the queue cannot be used (file is not a database); docs/gateway.md")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--help"], "python -m gateway retry --all"),
        (["run", "--help"], "[MELANOGATEWAY_MAX_ITEMS, default 10000]"),
        (["status", "--help"], "SOP Instance UIDs"),
    ],
)
def test_help_teaches(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert says in re.sub(r"\s+", " ", capsys.readouterr().out)
