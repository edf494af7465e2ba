import hashlib
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from model_store.errors import RefusedForNow, RefusedVersion, RuntimeUnavailable
from model_store.manifest import Golden
from model_store.store import Store
from service import trial_process
from service.settings import Settings
from service.trial_process import Outcome, TrialEnded, TrialProcess
from tests.service.damage import flip_a_byte
from tests.tiny_models import add_classifier


@pytest.fixture
def process(store: Path, state: Path) -> TrialProcess:
    return TrialProcess(Settings(store=store, state=state))


def pid_of(process: TrialProcess) -> int:
    """Of the process that tries, once there is one."""
    deadline = time.monotonic() + 60
    while process._running is None or process._running.poll() is not None:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    return process._running.pid


def test_each_version_is_tried_in_its_turn(process: TrialProcess, store: Path) -> None:
    wrong = Golden(file="golden/00.png", outputs={"probability": [0.001]})
    third = add_classifier(Store(store), golden=[wrong]).version
    flip_a_byte(store / "classifier" / "2")
    outcomes = list(process.tried([("classifier", third), ("classifier", 2), ("classifier", 1), ("grader", 1)]))
    assert [key for key, _ in outcomes] == [("classifier", 3), ("classifier", 2), ("classifier", 1), ("grader", 1)]
    golden, changed, *fine = [error for _, error in outcomes]
    assert isinstance(golden, RefusedVersion)
    assert "golden/00.png: probability is off by" in str(golden)
    assert isinstance(changed, RefusedVersion)
    assert "was changed" in str(changed)
    assert fine == [None, None]
    assert process._running is not None
    assert process._running.returncode is not None, "nothing of it is left"


def test_one_that_takes_the_process_down_is_refused_and_the_others_are_tried(process: TrialProcess) -> None:
    def kill() -> None:
        os.kill(pid_of(process), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    (first, ended), second = process.tried([("classifier", 1), ("classifier", 2)])
    killer.join()
    assert first == ("classifier", 1)
    assert isinstance(ended, TrialEnded)
    assert str(ended) == "The process that tried it ended by signal 9."
    assert second == (("classifier", 2), None)


def test_one_that_comes_to_no_end_is_ended(process: TrialProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_process, "TRIAL_SECONDS", 0.01)
    [(_, error)] = process.tried([("classifier", 1)])
    assert isinstance(error, TrialEnded)
    assert str(error) == "Trying it took longer than 0.01 seconds."
    assert process._running is not None
    assert process._running.returncode == -signal.SIGKILL


def test_where_no_process_can_be_started_nothing_is_vouched_for(
    process: TrialProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    [(_, error)] = process.tried([("classifier", 1)])
    assert isinstance(error, TrialEnded)
    assert str(error) == "It cannot be tried: No such file or directory."
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_it_is_not_reached_by_ctrl_c_and_gives_way_as_one_of_the_same_session(process: TrialProcess) -> None:
    found = list[tuple[int, int]]()

    def look() -> None:
        pid = pid_of(process)
        found.append((os.getsid(pid), os.getpgid(pid)))

    looking = threading.Thread(target=look)
    looking.start()
    list(process.tried([("classifier", 1)]))
    looking.join()
    ((session, group),) = found
    assert session == os.getsid(0)
    assert group != os.getpgid(0)


def test_closing_ends_what_is_being_tried(process: TrialProcess) -> None:
    outcomes = iter(process.tried([("classifier", 1), ("classifier", 2)]))

    def close() -> None:
        pid_of(process)
        process.close()

    threading.Thread(target=close).start()
    assert list(outcomes) == []
    assert list(process.tried([("classifier", 2)])) == [], "nor is anything tried afterwards"


def test_what_a_runtime_lacks_is_told_from_what_is_wrong_with_the_version() -> None:
    assert isinstance(Outcome(unavailable="It is not there.").error, RuntimeUnavailable)
    assert type(Outcome(refused="It is damaged.").error) is RefusedVersion
    assert type(Outcome(refused="It cannot be read.", passing=True).error) is RefusedForNow
    assert Outcome().error is None


def test_what_may_pass_is_told_from_what_does_not(process: TrialProcess, store: Path) -> None:
    manifest = store / "classifier" / "1" / "manifest.json"
    (store / "classifier" / "2" / "saved_model.pb").write_bytes(b"no graph")
    entry = {"sha256": hashlib.sha256(b"no graph").hexdigest(), "size": 8}
    changed = json.loads((store / "classifier" / "2" / "manifest.json").read_bytes())
    changed["files"]["saved_model.pb"] = entry
    (store / "classifier" / "2" / "manifest.json").write_text(json.dumps(changed), "utf-8")
    manifest.write_text("{", "utf-8")
    (_, damaged), (_, unread) = process.tried([("classifier", 1), ("classifier", 2)])
    assert type(damaged) is RefusedVersion
    assert type(unread) is RefusedForNow, "OpenVINO does not say whether it was the file or the system"
