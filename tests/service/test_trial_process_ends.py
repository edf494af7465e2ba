"""How a process that tries versions ends, when what would end it does not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from model_store.store import Store
from service import trial_process
from service.settings import Settings
from service.trial_process import TrialEnded, TrialProcess
from tests.running_service import ROOT
from tests.service.damage import crash_what_loads_it
from tests.tiny_models import add_classifier

NEVER_TAKEN_DOWN = """#!/bin/bash
echo '{}' > /dev/fd/$3
eval "exec $3>&-"
exec sleep 600
"""

ALONE = """
import time
from service import trial_process
trial_process.ORPHAN_SECONDS = 0.5
trial_process._outcome = lambda *_: time.sleep(600)
trial_process.main(1)
"""


@pytest.fixture
def process(store: Path, state: Path) -> TrialProcess:
    return TrialProcess(Settings(store=store, state=state))


def test_what_is_said_of_all_counts_also_where_the_process_is_never_taken_down(
    process: TrialProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "python"
    program.write_text(NEVER_TAKEN_DOWN)
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(trial_process, "TRIAL_SECONDS", 30)
    assert list(process.tried([("classifier", 1)])) == [(("classifier", 1), None)]
    assert process._running is not None
    assert process._running.returncode == -signal.SIGKILL


def test_one_that_crashes_what_tries_it_is_tried_once(
    process: TrialProcess, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash_what_loads_it(add_classifier(Store(store), seed=3).path)
    start, started = process._start, list[int]()

    def counted(descriptor: int) -> subprocess.Popen[bytes]:
        started.append(descriptor)
        return start(descriptor)

    monkeypatch.setattr(process, "_start", counted)
    *fine, (_, error) = process.tried([("classifier", 1), ("classifier", 2), ("classifier", 3)])
    assert [one for _, one in fine] == [None, None]
    assert isinstance(error, TrialEnded)
    assert len(started) == 1


def test_where_memory_runs_out_it_goes_first(process: TrialProcess) -> None:
    outcomes = iter(process.tried([("classifier", 1), ("classifier", 2)]))
    next(outcomes)
    assert process._running is not None
    assert Path(f"/proc/{process._running.pid}/oom_score_adj").read_text() == "1000\n"
    process.close()


def test_it_ends_by_itself_where_whoever_would_end_it_was_killed(store: Path, state: Path) -> None:
    task = trial_process.Task(
        settings=Settings(store=store, state=state), versions=(("classifier", 1),), niceness=0
    ).model_dump_json()
    ended = subprocess.run(
        [sys.executable, "-c", ALONE], cwd=ROOT, input=task, text=True, env=dict(os.environ), stdout=subprocess.DEVNULL,
        timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == -signal.SIGALRM
