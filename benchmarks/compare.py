"""`compare`: the service, the bare work and the peers in turn, round after round, on the same SavedModel."""

from __future__ import annotations

import csv
import json
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tqdm import tqdm

from benchmarks import plots
from benchmarks.bare import bare_probability, bare_rate, bare_times
from benchmarks.comparison import BARE, CLIENTS, MANY, OURS, Comparison, Measured, Started
from benchmarks.connection import Connection, Reply
from benchmarks.images import SIZES, USUAL, ImageFile, photographs
from benchmarks.load import clock, closed_loop, for_seconds, run
from benchmarks.peers import PEERS, PeerUnavailable, install, serving
from benchmarks.processes import Server, ServerFailed
from benchmarks.requests import get, post_image
from benchmarks.result import Result
from benchmarks.samples import Floats, percentile
from benchmarks.service import STORE, service
from model_store.labels import Labels
from model_store.runtime import Runtime, load
from model_store.store import Store

TITLES = {BARE: "the bare work, no HTTP", OURS: "melanoserve"} | {name: peer.title for name, peer in PEERS.items()}

TEXT = """\
Each was started, measured and stopped in turn, in {rounds} rounds; the figures are
medians, and a ratio is taken inside a round before the median. All ran the same SavedModel ({model}) on the same
images, which the repository renders. melanoserve ran as it is delivered: API key, limits, metrics and a log line for
every request, {runtime} in {precision}. The bare work is its decoder and its runtime in as many threads as there are
cores, without HTTP. The peers are written as their documentation recommends, see `benchmarks/peers`: Pillow decodes,
TensorFlow computes. "Ready" is the time from the start of the process to the first 200 of /readyz (of a peer: to its
first answer about an image), from a disk whose files are cached; melanoserve's very first start, which compiles its
models and keeps them, took {first:.1f} s. Before the load it had tried the other versions of its store, which it does a
quarter of a minute after every start. Memory is that of all processes, what they share counted once, after the load
of {many} clients. The load comes from the same processors: sending a request and reading its answer took
{client:.2f} ms of one."""

# The points of a subject: the one that everything is compared at comes first, while the bare work was measured just
# before, and memory is weighed right after it.
POINTS = [(USUAL, MANY), *((USUAL, count) for count in CLIENTS if count != MANY)] + [
    (image, MANY) for image in SIZES if image != USUAL
]
_WARM_UP_SECONDS = 3.0
_KEPT = 2
"""Compiled models that a start leaves: the classifier and the grader."""
_KEPT_WITHIN_SECONDS = 20.0

Point = tuple[str, int]
Start = Callable[[], AbstractContextManager[Server]]


def compare(options: Namespace) -> Result:
    """Measures and draws; see `benchmarks.cli` for the options."""
    with TemporaryDirectory() as state:
        return _compare(options, Path(state))


def _compare(options: Namespace, state: Path) -> Result:
    version = Labels(Store(STORE), state).resolve("classifier", "stable")
    runtime = load(version)
    rounds = Rounds(options.seconds, photographs())
    start_ours = partial(service, options.output / "service.log", state=state)
    first = _first_start(start_ours, state)
    starts: dict[str, Start] = {OURS: start_ours}
    for name in options.peers:
        starts |= _peer(name, version.path, rounds, options.output)
    with tqdm(total=options.rounds * (len(SIZES) + 1 + len(POINTS) * len(starts)), desc="compare", unit="point") as bar:
        for number in range(options.rounds):
            rounds.bare(number, runtime, bar.update)
            for name, start in starts.items():
                rounds.subject(number, name, start, bar.update)
    found = rounds.comparison([BARE, OURS, *options.peers])
    _write_csv(found.measured, options.output / "compare.csv")
    _write_csv(found.started, options.output / "compare-starts.csv")
    plots.compare(found, options.output / "compare.png")
    text = TEXT.format(
        rounds=options.rounds,
        model=f"{version.name}/{version.version}",
        runtime=runtime.name,
        precision=runtime.precision,
        many=MANY,
        client=found.client_ms(),
        first=first,
    )
    return Result("compare", "Beside the bare work and the peers", text, found.tables(), found.bars(), asdict(found))


def _first_start(start: Start, state: Path) -> float:
    """Seconds until our very first start is ready; returns when what it compiled is kept for the later ones.

    Raises:
        ServerFailed: It is not kept.
    """
    with start() as server:
        deadline = clock() + _KEPT_WITHIN_SECONDS
        while len(list((state / "compiled").glob("*"))) < _KEPT:
            if clock() > deadline:
                raise ServerFailed("it does not keep what it compiled")
            time.sleep(0.1)
        return server.ready_seconds


class Rounds:
    """What was measured so far."""

    def __init__(self, seconds: float, images: dict[str, ImageFile]) -> None:
        """Nothing was, yet.

        Args:
            seconds: For how long each point is measured.
            images: As `images.photographs` makes them.
        """
        self.unavailable: dict[str, str] = {}
        self.images = images
        self._seconds = seconds
        self._measured: list[Measured] = []
        self._started: list[Started] = []
        self._answers: dict[str, float] = {}

    def bare(self, number: int, runtime: Runtime, done: Callable[[], object]) -> None:
        """One round of the bare work; `done` is called after each point."""
        usual = self.images[USUAL].data
        self._answers[BARE] = bare_probability(runtime, usual)
        times = bare_times(runtime, usual, self._seconds)
        self._measured.append(_row(number, BARE, (USUAL, 1), len(times) / sum(times), times))
        done()
        # The usual image comes last: right after it, the service is measured with it.
        for name in reversed(SIZES):
            rate, times = bare_rate(runtime, self.images[name].data, self._seconds)
            self._measured.append(_row(number, BARE, (name, 0), rate, times))
            done()

    def subject(self, number: int, name: str, start: Start, done: Callable[[], object]) -> None:
        """One round of a server. A peer that fails is not tried again, and the table says so.

        Raises:
            ServerFailed: Our own service did.
        """
        if name in self.unavailable:
            return
        try:
            with start() as server:
                self._warm_up(name, server)
                for point in POINTS:
                    self._point(number, name, server, point)
                    if point == POINTS[0]:
                        weight = server.memory()
                    done()
        except ServerFailed as error:
            if name == OURS:
                raise
            self.unavailable[name] = str(error)
            return
        memory = (weight.processes, weight.largest, weight.together)
        self._started.append(Started(number, name, server.ready_seconds, *memory))

    def comparison(self, names: Sequence[str]) -> Comparison:
        """All of it; `names` says of which subjects, and in which order."""
        titles = {name: TITLES[name] for name in names}
        return Comparison(titles, self._measured, self._started, self.unavailable, self._answers)

    def _warm_up(self, name: str, server: Server) -> None:
        if name == OURS:
            run(_ask(server, get("/models", key=server.key)))
        request = post_image(self.images[USUAL].data, key=server.key)
        replies: list[Reply] = []
        run(closed_loop(server.port, request, MANY, for_seconds(_WARM_UP_SECONDS), replies.append))
        if not replies or replies[-1].status != 200:
            raise ServerFailed(f"it answers {replies[-1].status if replies else 'nothing'} when it is warmed up")
        probability = json.loads(replies[-1].body)["probability"]
        if probability is None:
            raise ServerFailed("it abstains from the image that it is warmed up with")
        self._answers[name] = float(probability)

    def _point(self, number: int, name: str, server: Server, point: Point) -> None:
        image, clients = point
        request = post_image(self.images[image].data, key=server.key)
        used = time.process_time()
        samples = run(closed_loop(server.port, request, clients, for_seconds(self._seconds)))
        used = time.process_time() - used
        good = samples.seconds(200)
        if not len(good):
            raise ServerFailed(f"with {clients} clients and {image} it answers {samples.counts()}")
        row = _row(number, name, point, samples.rate(), good)
        self._measured.append(replace(row, failed=len(samples) - len(good), client_ms=1000 * used / len(samples)))


async def _ask(server: Server, request: bytes) -> None:
    with closing(await Connection.open(server.port)) as connection:
        await connection.ask(request)


def _row(number: int, name: str, point: Point, rate: float, seconds: Sequence[float] | Floats) -> Measured:
    p50, p99 = (1000 * percentile(seconds, percent) for percent in (50, 99))
    return Measured(number, name, *point, rate, p50, p99)


def _peer(name: str, model: Path, rounds: Rounds, output: Path) -> dict[str, Start]:
    """How to start a peer; empty if it cannot be installed."""
    peer, image = PEERS[name], rounds.images[USUAL].data
    tqdm.write(f"{peer.title}: looking after its environment")
    try:
        return {name: partial(serving, peer, install(peer), model, image, output / f"{name}.log")}
    except PeerUnavailable as error:
        rounds.unavailable[name] = str(error)
        return {}


def _write_csv(rows: Sequence[Measured | Started], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(asdict(rows[0])))
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
