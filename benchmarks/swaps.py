"""`swaps`: the version behind the label is changed again and again while 16 clients ask without a pause."""

from __future__ import annotations

import asyncio
import csv
import json
from argparse import Namespace
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tqdm import tqdm

from benchmarks import plots
from benchmarks.answers import without_id
from benchmarks.connection import Connection, Reply
from benchmarks.images import USUAL, photographs
from benchmarks.load import clock, closed_loop, run
from benchmarks.processes import Server, ServerFailed
from benchmarks.requests import post_image, put_json
from benchmarks.result import Bar, Result, Table
from benchmarks.samples import Samples, percentile
from benchmarks.service import STORE, service
from benchmarks.two_versions import CLASSIFIER, two_versions

TEXT = """\
16 clients ask about one image (JPEG of 1022x767) without a pause while `PUT /models/classifier/labels/stable` changes
the version behind the label {swaps} times. Every answer is compared, byte by byte but for its request id, with what the
two versions answer alone. Memory is that of all processes, with what they share counted once; it is compared before the
first swap, when both versions have answered, and after the last, under the same load."""

CLIENTS = 16
_WARM_UP_SECONDS = 5.0
_GIVES_UP_SECONDS = 30.0
_LOOK_SECONDS = 0.005


@dataclass
class Swaps:
    """What is known so far.

    Attributes:
        expected: Version -> its answer.
        answers: Version -> how many answers were exactly its own.
        strange: Answers of no version.
        refused_swaps: Swaps that were not answered with 200.
        seconds: How long each swap took to be answered.
        memory_mb: Before the first swap, and after each.
    """

    expected: Mapping[int, bytes]
    answers: Counter[int] = field(default_factory=Counter)
    strange: int = 0
    refused_swaps: int = 0
    seconds: list[float] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)

    def hear(self, reply: Reply) -> None:
        """Looks at an answer."""
        body = without_id(reply.body)
        version = next((number for number, answer in self.expected.items() if answer == body), None)
        if version is None:
            self.strange += reply.status == 200  # others are counted by their status
        else:
            self.answers[version] += 1


def swaps(options: Namespace) -> Result:
    """Measures and draws; see `benchmarks.cli` for the options."""
    image = photographs()[USUAL].data
    with TemporaryDirectory() as folder:
        versions = two_versions(STORE, Path(folder) / "models")
        with service(options.output / "service.log", store=Path(folder) / "models") as server:
            found, samples = run(_under_load(server, image, versions, options.swaps, options.pause))
    _write_csv(found, options.output / "swaps.csv")
    plots.swaps(found.seconds, found.memory_mb, options.output / "swaps.png")
    figures = {
        "answers": dict(found.answers),
        "strange": found.strange,
        "statuses": samples.counts(),
        "refused_swaps": found.refused_swaps,
        "seconds": found.seconds,
        "memory_mb": found.memory_mb,
    }
    text = TEXT.format(swaps=options.swaps)
    return Result("swaps", "Swaps under load", text, [table(found, samples)], bars(found, samples), figures)


async def _under_load(
    server: Server, image: bytes, versions: tuple[int, int], count: int, pause: float
) -> tuple[Swaps, Samples]:
    found = Swaps({version: await _answer_of(server, image, version) for version in versions})
    going_on = True
    request = post_image(image, key=server.key)
    load = asyncio.create_task(closed_loop(server.port, request, CLIENTS, lambda: going_on, found.hear))
    try:
        await asyncio.sleep(_WARM_UP_SECONDS)
        found.memory_mb.append(await asyncio.to_thread(_weigh, server))
        with closing(await Connection.open(server.port)) as admin:
            for number in tqdm(range(count), desc="swaps", unit="swap"):
                await _swap(admin, server, versions[(number + 1) % 2], found)
                await asyncio.sleep(pause)
                found.memory_mb.append(await asyncio.to_thread(_weigh, server))
    finally:
        going_on = False
        samples = await load
    return found, samples


async def _swap(admin: Connection, server: Server, version: int, found: Swaps) -> None:
    """Moves the label and waits until somebody has heard of it."""
    begun, before = clock(), found.answers[version]
    reply = await admin.ask(put_json(f"/models/{CLASSIFIER}/labels/stable", {"version": version}, key=server.key))
    found.seconds.append(clock() - begun)
    if reply.status != 200:
        found.refused_swaps += 1
        return
    while found.answers[version] == before:
        if clock() - begun > _GIVES_UP_SECONDS:
            raise ServerFailed(f"version {version} does not answer {_GIVES_UP_SECONDS:g} s after the label was moved")
        await asyncio.sleep(_LOOK_SECONDS)


async def _answer_of(server: Server, image: bytes, version: int) -> bytes:
    with closing(await Connection.open(server.port)) as connection:
        reply = await connection.ask(post_image(image, key=server.key, path=f"/classify?version={version}"))
    if reply.status != 200 or json.loads(reply.body)["model"]["version"] != version:
        raise ServerFailed(f"asked for version {version}, it answers {reply.status}: {reply.body.decode()}")
    return without_id(reply.body)


def _weigh(server: Server) -> float:
    return server.memory().together


def bars(found: Swaps, samples: Samples) -> list[Bar]:
    """What has to hold."""
    counts = samples.counts()
    return [
        Bar("swaps that were refused", found.refused_swaps, 0),
        Bar("requests that failed", len(samples) - counts.get(200, 0), 0),
        Bar("answers that are not exactly one version's", found.strange, 0),
        Bar("growth of memory", found.memory_mb[-1] - found.memory_mb[0], 50, "MB"),
    ]


def table(found: Swaps, samples: Samples) -> Table:
    """What was measured."""
    taken, waited = samples.seconds(200), found.seconds
    rows = [
        ("swaps", f"{len(waited)}"),
        ("time of a swap", f"p50 {1000 * percentile(waited, 50):.0f} ms, slowest {1000 * max(waited):.0f} ms"),
        ("answers", ", ".join(f"{count} of version {version}" for version, count in sorted(found.answers.items()))),
        ("answers a second", f"{samples.rate():.0f}"),
        ("time to an answer", f"p50 {1000 * percentile(taken, 50):.0f} ms, p99 {1000 * percentile(taken, 99):.0f} ms"),
        ("memory", f"{found.memory_mb[0]:.0f} MB before, {found.memory_mb[-1]:.0f} MB after"),
    ]
    return Table("Swaps:", ("", ""), rows)


def _write_csv(found: Swaps, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["swap", "seconds", "memory_mb"])
        writer.writerows(zip(range(1, len(found.seconds) + 1), found.seconds, found.memory_mb[1:], strict=True))
