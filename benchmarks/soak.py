"""`soak`: hours under a load that the service can bear; what creeps shows."""

from __future__ import annotations

import asyncio
import csv
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median

from tqdm import tqdm

from benchmarks import plots
from benchmarks.capacity import capacity
from benchmarks.images import USUAL, photographs
from benchmarks.load import clock, open_loop, poisson, run
from benchmarks.processes import Server
from benchmarks.requests import post_image
from benchmarks.result import Bar, Result, Table
from benchmarks.samples import Samples, percentile
from benchmarks.service import service

TEXT = """\
Requests (JPEG of 1022x767, API key) arrive independently of each other, at {load:.0%} of what the service can answer
({rate:.0f} a second), for {minutes:g} minutes. Time counts from the moment at which a request was meant to be sent.
Memory is that of all processes, with what they share counted once. The first tenth of the time is left out, while
memory and caches fill; flat means that the last third of the rest is like its first third."""

_CAPACITY_SECONDS = 20.0
_WEIGH_EVERY_SECONDS = 10.0
_SLICES = 60


@dataclass(frozen=True)
class Slice:
    """A part of the time, a minute of an hour. Times in milliseconds."""

    minute: float
    requests: int
    failed: int
    p50: float
    p99: float
    memory_mb: float


def soak(options: Namespace) -> Result:
    """Measures and draws; see `benchmarks.cli` for the options."""
    seconds = options.minutes * 60
    with service(options.output / "service.log") as server:
        request = post_image(photographs()[USUAL].data, key=server.key)
        rate = options.load * capacity(server, request, min(_CAPACITY_SECONDS, seconds))
        samples, weights = run(_hours(server, request, rate, seconds))
    slices = sliced(samples, weights, seconds)
    with (options.output / "soak.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(Slice.__dataclass_fields__))
        writer.writeheader()
        writer.writerows(asdict(one) for one in slices)
    columns = {name: [getattr(one, name) for one in slices] for name in Slice.__dataclass_fields__}
    plots.soak(columns, options.output / "soak.png")
    text = TEXT.format(load=options.load, rate=rate, minutes=options.minutes)
    figures = {"rate": rate, "slices": [asdict(one) for one in slices]}
    return Result("soak", "Soak", text, [table(samples, slices)], bars(slices), figures)


async def _hours(
    server: Server, request: bytes, rate: float, seconds: float
) -> tuple[Samples, list[tuple[float, float]]]:
    begun, weights = clock(), [(0.0, server.memory().together)]

    async def weigh() -> None:
        while True:
            await asyncio.sleep(min(_WEIGH_EVERY_SECONDS, seconds / _SLICES))
            memory = await asyncio.to_thread(server.memory)
            weights.append((clock() - begun, memory.together))

    weighing = asyncio.create_task(weigh())
    with tqdm(total=round(seconds), desc="soak", unit="s") as bar:
        samples = await open_loop(
            server.port, request, poisson(rate, seconds), lambda moment: bar.update(int(moment) - bar.n)
        )
    weighing.cancel()
    return samples, weights


def sliced(samples: Samples, weights: Sequence[tuple[float, float]], seconds: float) -> list[Slice]:
    """Cuts the time into 60 parts.

    Args:
        samples: Of all requests.
        weights: Seconds since the start, and MB then; ascending.
        seconds: How long it took.
    """
    due, taken, status = samples.due, samples.seconds(), samples.status
    moments = due - due.min()
    width = seconds / _SLICES
    slices = []
    for number in range(_SLICES):
        inside = (moments >= number * width) & (moments < (number + 1) * width)
        good = taken[inside & (status == 200)]
        memory = [weight for moment, weight in weights if moment <= (number + 1) * width][-1]
        p50, p99 = (1000 * percentile(good, percent) for percent in (50, 99))
        requests = int(inside.sum())
        slices.append(Slice((number + 1) * width / 60, requests, requests - len(good), p50, p99, memory))
    return slices


def _ends(slices: Sequence[Slice]) -> tuple[Sequence[Slice], Sequence[Slice]]:
    """The first and the last third of what comes after the first tenth."""
    rest = slices[len(slices) // 10 :]
    third = len(rest) // 3
    return rest[:third], rest[-third:]


def bars(slices: Sequence[Slice]) -> list[Bar]:
    """What has to hold."""
    first, last = _ends(slices)
    p99 = median(one.p99 for one in last) / median(one.p99 for one in first)
    growth = median(one.memory_mb for one in last) - median(one.memory_mb for one in first)
    return [
        Bar("p99 of the last third, times that of the first", p99, 1.2),
        Bar("growth of memory from the first third to the last", growth, 10, "MB"),
        Bar("requests that failed", sum(one.failed for one in slices), 0),
    ]


def table(samples: Samples, slices: Sequence[Slice]) -> Table:
    """What was measured."""
    first, last = _ends(slices)
    taken = samples.seconds(200)

    def ends(name: str, unit: str) -> str:
        middles = [median(getattr(one, name) for one in part) for part in (first, last)]
        return f"{middles[0]:.0f} {unit} in the first third, {middles[1]:.0f} {unit} in the last"

    rows = [
        ("requests", f"{len(samples)}"),
        ("time to an answer", f"p50 {1000 * percentile(taken, 50):.0f} ms, p99 {1000 * percentile(taken, 99):.0f} ms"),
        ("p99", ends("p99", "ms")),
        ("memory", ends("memory_mb", "MB")),
        ("the load itself", f"sent p99 {1000 * percentile(samples.lag, 99):.1f} ms late"),
    ]
    return Table("Soak:", ("", ""), rows)
