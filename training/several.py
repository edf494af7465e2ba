"""Several processes on this machine that learn one network, each with a GPU of its own: what `--processes` starts."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from training.arguments import CommandError

CLUSTER = "TF_CONFIG"
GPUS = "CUDA_VISIBLE_DEVICES"

_LOOKS = 0.2
"""Seconds between two looks at whether a process has ended."""

_PATIENCE = 10.0
"""Seconds that a process has to end when another has failed."""


def learn_together(count: int, arguments: Sequence[str], folder: Path, devices: Path = Path("/dev")) -> int:
    """Runs the same command in several processes, which `training.workers` connects; returns an exit status.

    The first one writes to this terminal, measures and publishes; the others write to `process-N.log` in the folder.
    As soon as one fails all end, since the others would wait for it; the same command goes on from the last checkpoint.

    Args:
        count: How many, at least 2.
        arguments: Of `python -m training`.
        folder: The run's working folder.
        devices: Where the system shows its GPUs.

    Raises:
        CommandError: A cluster is named already, or there are GPUs, but not one for each.
    """
    if os.environ.get(CLUSTER, "").strip():
        raise CommandError(f"{CLUSTER} names the processes already; start each of them without --processes")
    places = environments(count, devices)
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "training", *arguments, "--processes", "1"]
    before = signal.signal(signal.SIGTERM, _stop)
    running: list[subprocess.Popen[bytes]] = []
    try:
        for index, place in enumerate(places):
            with (folder / f"process-{index}.log").open("wb") as log:
                told = None if index == 0 else log
                started = subprocess.Popen(command, env=os.environ | place, stdout=told, stderr=told)  # noqa: S603
                running.append(started)
        return _outcome(running, folder)
    finally:
        signal.signal(signal.SIGTERM, before)
        _end(running)


def environments(count: int, devices: Path = Path("/dev")) -> list[dict[str, str]]:
    """What each process finds in its environment: the cluster, its place in it, and its GPU if there are any.

    Raises:
        CommandError: There are GPUs, but not one for each.
    """
    gpus = visible_gpus(devices)
    if gpus and len(gpus) < count:
        raise CommandError(f"{count} processes would need a GPU each; there are {len(gpus)}")
    addresses = [f"127.0.0.1:{port}" for port in _free_ports(count)]
    return [
        {CLUSTER: json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}})}
        | ({GPUS: gpus[index]} if gpus else {})
        for index in range(count)
    ]


def visible_gpus(devices: Path = Path("/dev")) -> list[str]:
    """The GPUs that may be used, as CUDA names them: those of the environment or, where it says nothing, all."""
    given = os.environ.get(GPUS)
    if given is not None:
        return [name for name in given.split(",") if name.strip()]
    return sorted((path.name[len("nvidia") :] for path in devices.glob("nvidia[0-9]*")), key=int)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [found.getsockname()[1] for found in sockets]
    for found in sockets:
        found.close()
    return ports


def _outcome(running: Sequence[subprocess.Popen[bytes]], folder: Path) -> int:
    """0 when all have ended well, else the status of the first that has not."""
    while True:
        ended = [process.poll() for process in running]
        for index, status in enumerate(ended):
            if status:
                where = f"; {folder / f'process-{index}.log'} says why" if index else ""
                print(f"error: process {index} of {len(running)} has failed{where}", file=sys.stderr)
                return 1 if status < 0 else status
        if None not in ended:
            return 0
        time.sleep(_LOOKS)


def _stop(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _end(running: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in running:
        process.terminate()
    deadline = time.monotonic() + _PATIENCE
    for process in running:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
