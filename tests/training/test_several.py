import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.training.built import Data
from tests.training.command_line import error_of
from training.arguments import CommandError
from training.cli import main
from training.several import environments, learn_together, visible_gpus

ROOT = Path(__file__).parents[2]


def _gpus(folder: Path, count: int) -> Path:
    """A /dev with so many GPUs, and what else NVIDIA's driver puts there."""
    for name in (*(f"nvidia{index}" for index in range(count)), "nvidiactl", "nvidia-uvm"):
        (folder / name).touch()
    return folder


def test_each_process_finds_its_place_and_its_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    found = environments(3, _gpus(tmp_path, 11))
    clusters = [json.loads(place["TF_CONFIG"]) for place in found]
    assert [place["CUDA_VISIBLE_DEVICES"] for place in found] == ["0", "1", "2"]
    assert [cluster["task"] for cluster in clusters] == [{"type": "worker", "index": index} for index in range(3)]
    (addresses,) = {tuple(cluster["cluster"]["worker"]) for cluster in clusters}
    assert len(set(addresses)) == 3


@pytest.mark.parametrize(
    ("given", "expected"), [(None, ["0", "1", "2"]), ("", []), ("2", ["2"]), ("GPU-8a,MIG-7b", ["GPU-8a", "MIG-7b"])]
)
def test_the_gpus_that_may_be_used(
    given: str | None, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if given is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    assert visible_gpus(_gpus(tmp_path, 3)) == expected


def test_without_gpus_processes_share_the_processors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert [list(place) for place in environments(2, tmp_path)] == [["TF_CONFIG"]] * 2


def test_no_process_goes_without_a_gpu_beside_one_that_has_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would hold up all others for hours, without a word."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with pytest.raises(CommandError, match="2 processes would need a GPU each; there are 1"):
        environments(2, _gpus(tmp_path, 1))


def test_a_cluster_that_is_named_already(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TF_CONFIG", "{}")
    message = error_of(capsys, "classifier", "--processes", "2", "--run", str(tmp_path / "run"))
    assert message == "TF_CONFIG names the processes already; start each of them without --processes"
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("number", ["0", "-1", "two"])
def test_a_number_that_is_none(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["classifier", "--processes", number])
    assert "a number of processes is 1 or more" in capsys.readouterr().err


def test_when_one_fails_all_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here each by itself, for there is no such folder of images; the first to say so ends the others."""
    monkeypatch.delenv("TF_CONFIG", raising=False)
    arguments = ["data", "--data", str(tmp_path / "nowhere")]
    before = signal.getsignal(signal.SIGTERM)
    # `data` does not know --processes, which is an error of the command line, too.
    assert learn_together(2, arguments, tmp_path / "run", tmp_path) == 2
    assert signal.getsignal(signal.SIGTERM) is before
    assert (tmp_path / "run" / "process-1.log").exists()


def test_a_stop_ends_all(data: Data, weights: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = ["classifier", *data.options, "--store", str(tmp_path / "models"), "--run", str(run)]
    words += ["--weights", str(weights), "--phases", "48:500", "--epoch-size", "64", "--processes", "2"]
    environment = {name: value for name, value in os.environ.items() if name != "TF_CONFIG"}
    command = [sys.executable, "-m", "training", *words]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (run / "history.jsonl").is_file() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    learned = (run / "history.jsonl").is_file()
    process.terminate()
    assert process.wait(30) == 128 + signal.SIGTERM
    assert learned, (run / "process-1.log").read_text("utf-8", "replace")[-2000:]
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(run) not in listed


def test_two_processes_learn_to_the_end(data: Data, weights: Path, tmp_path: Path) -> None:
    """The second one has ended then; the first, which measures for minutes, goes on until it is stopped."""
    run = tmp_path / "run"
    words = ["classifier", *data.options, "--store", str(tmp_path / "models"), "--run", str(run)]
    words += ["--weights", str(weights), "--phases", "48:2", "--epoch-size", "64", "--processes", "2"]
    environment = {name: value for name, value in os.environ.items() if name != "TF_CONFIG"}
    command = [sys.executable, "-m", "training", *words]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    told, log = "trained; the first process of the cluster measures", run / "process-1.log"
    deadline, history = time.monotonic() + 240, list[str]()
    while process.poll() is None and time.monotonic() < deadline:
        history = (run / "history.jsonl").read_text().splitlines() if (run / "history.jsonl").is_file() else []
        if len(history) == 2 and told in log.read_text("utf-8", "replace"):
            break
        time.sleep(0.1)
    still = process.poll() is None
    process.terminate()
    process.wait(30)
    assert told in log.read_text("utf-8", "replace")
    assert still
    assert [json.loads(line)["epoch"] for line in history] == [0, 1]
