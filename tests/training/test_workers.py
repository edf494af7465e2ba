import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from tests.training.built import Data
from training.cli import main
from training.workers import BadCluster, Workers, join

ROOT = Path(__file__).parents[2]


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [found.getsockname()[1] for found in sockets]
    for found in sockets:
        found.close()
    return ports


def _config(ports: list[int], index: int) -> str:
    addresses = [f"127.0.0.1:{port}" for port in ports]
    return json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}})


def _learn(data: Data, folder: Path, count: int) -> list[dict[str, NDArray[np.float32]]]:
    """What each of so many processes has learned in the end."""
    ports, processes = _free_ports(count), []
    for index in range(count):
        result = folder / f"{count}-{index}.npz"
        words = [str(data.root), str(data.cache), str(folder / f"run-{count}"), str(result)]
        environment = os.environ | {"TF_CONFIG": _config(ports, index), "CUDA_VISIBLE_DEVICES": ""}
        command = [sys.executable, "-m", "tests.training.worker_process", *words]
        processes.append((subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE), result))
    for process, _ in processes:
        _, error = process.communicate(timeout=300)
        assert process.returncode == 0, error.decode()[-2000:]
    return [dict(np.load(result)) for _, result in processes]


def test_two_processes_learn_what_one_learns(data: Data, tmp_path: Path) -> None:
    """Over real sockets: each sees half of every batch, and both end with the weights of one that sees all."""
    (alone,), (chief, other) = _learn(data, tmp_path, 1), _learn(data, tmp_path, 2)
    for name, value in alone.items():
        if name != "epochs":
            assert np.array_equal(chief[name], other[name])
            assert chief[name] == pytest.approx(value, abs=2e-4)
    # Only the chief keeps checkpoints and a record.
    assert (chief["epochs"].tolist(), other["epochs"].tolist()) == ([0, 1], [])
    assert tf.train.latest_checkpoint(tmp_path / "run-2") is not None


def test_without_a_cluster_a_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert join() == Workers()
    monkeypatch.setenv("TF_CONFIG", _config([1], 0))
    assert join() == Workers()
    assert join().chief


def test_parts_are_disjoint_and_of_one_size() -> None:
    rows = np.arange(11)
    parts = [Workers(index, 3).part(rows).tolist() for index in range(3)]
    assert parts == [[0, 3, 6], [1, 4, 7], [2, 5, 8]]
    assert Workers().part(rows).tolist() == rows.tolist()


def test_alone_the_mean_is_the_value() -> None:
    (found,) = Workers().mean([tf.constant([1.0, 2.0])])
    assert np.asarray(found).tolist() == [1.0, 2.0]
    Workers().check_same("anything", 3)
    assert Workers().chief_first(lambda: "made") == "made"


class _Others(Workers):
    """As if another process stood at 5."""

    def mean(self, values: object) -> list[object]:
        return [(value + 5) / 2 for value in values]  # type: ignore[attr-defined]


def test_processes_that_differ_do_not_go_on() -> None:
    with pytest.raises(BadCluster, match="differ in the epoch: here it is 3, on average 4"):
        _Others(0, 2).check_same("the epoch", 3)


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ("{", "does not say"),
        ("[]", "does not say"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}}', "does not say"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "ps", "index": 0}}', "does not say"),
        (
            '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 2}}',
            "worker 2, of which there are 2",
        ),
    ],
)
def test_a_cluster_that_cannot_be(
    config: str, complaint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(BadCluster, match=complaint):
        join()
    assert main(["classifier", "--weights", "none"]) == 1
    assert "error: TF_CONFIG" in capsys.readouterr().err
