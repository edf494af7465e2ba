"""`python -m benchmarks`: the service beside the bare work, in turn, several rounds, medians."""

from __future__ import annotations

import argparse
import io
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from PIL import Image

from benchmarks.bare import bare_rate
from benchmarks.client import load
from dermoscopy.render import render_lesion
from model_store.labels import Labels
from model_store.runtime import load as load_runtime
from model_store.store import Store

ROOT = Path(__file__).resolve().parent.parent
STORE, STATE = ROOT / "model_store" / "models", ROOT / "state"
READY_WITHIN = 60.0


def sample() -> bytes:
    """A rendered lesion as a JPEG of 1022 x 767 pixels."""
    file = io.BytesIO()
    Image.fromarray(render_lesion(7, side=1022, malignancy=0.8)).resize((1022, 767)).save(file, "JPEG", quality=92)
    return file.getvalue()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _wait_until_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
                return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the service did not become ready; start it with `make serve` to see why")


@contextmanager
def service() -> Iterator[int]:
    """The real service on a free port, which is given."""
    port = _free_port()
    command = [sys.executable, "-m", "service", "--port", str(port), "--log-level", "warning"]
    with subprocess.Popen([*command, "--store", str(STORE), "--state", str(STATE)], cwd=ROOT) as process:  # noqa: S603
        try:
            _wait_until_ready(port, process)
            yield port
        finally:
            process.terminate()


def main() -> None:
    """Run the rounds and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each, in turn (default 5)")
    parser.add_argument("--requests", type=int, default=320, help="requests in a measurement (default 320)")
    options = parser.parse_args()
    store, image = Store(STORE), sample()
    runtime = load_runtime(Labels(store, STATE).resolve("classifier", "stable"))
    rows: dict[str, list[float]] = {"bare work": [], "service, 1 client": [], "service, 16 clients": []}
    latency: list[float] = []
    with service() as port:
        load(port, image, clients=16, requests=64)
        for _ in range(options.rounds):
            rows["bare work"].append(bare_rate(runtime, image, options.requests))
            one, middle = load(port, image, clients=1, requests=options.requests)
            rows["service, 1 client"].append(one)
            latency.append(middle)
            rows["service, 16 clients"].append(load(port, image, clients=16, requests=options.requests)[0])
    print(f"One JPEG of 1022 x 767 pixels, {len(image) // 1000} kB; {runtime.name} {runtime.precision}; medians.\n")
    print("| | images a second | ratio to the bare work |\n|---|---|---|")
    for name, values in rows.items():
        ratio = median(value / bare for value, bare in zip(values, rows["bare work"], strict=True))
        print(f"| {name} | {median(values):.0f} | {ratio:.2f} |")
    print(f"\nMedian time of a request with 1 client: {1000 * median(latency):.1f} ms.")


if __name__ == "__main__":
    main()
