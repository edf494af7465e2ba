"""`overload`: far more requests than the service can answer, which come whether it answers or not."""

from __future__ import annotations

import asyncio
import time
from argparse import Namespace
from dataclasses import asdict, dataclass

from tqdm import tqdm

from benchmarks import plots
from benchmarks.capacity import capacity
from benchmarks.images import USUAL, photographs
from benchmarks.load import closed_loop, for_seconds, open_loop, poisson, run, steady
from benchmarks.processes import Server
from benchmarks.requests import get, post_image
from benchmarks.result import Bar, Result, Table
from benchmarks.samples import REFUSALS, Samples, percentile
from benchmarks.service import service

TEXT = """\
Requests (JPEG of 1022x767, API key) arrive independently of each other and of the answers, {times:g} times as many as
the service can answer, for {seconds:g} s. Time counts from the moment at which a request was meant to be sent.
Capacity is what 16 clients get that wait for each answer, measured in the same run before and after. Meanwhile /livez
and /readyz are asked ten times a second each. The load comes from the same processors as the answers."""

PROBES = ("/livez", "/readyz")
_PROBES_A_SECOND = 10
_SETTLES_SECONDS = 2.0
_WARM_UP_SECONDS = 2.0


@dataclass(frozen=True)
class Storm:
    """What was sent.

    Attributes:
        capacity: Answers a second when nothing overloads the service.
        rate: Requests a second that were meant to be sent.
        seconds: For how long.
        used: Seconds of processor time that sending took.
    """

    capacity: float
    rate: float
    seconds: float
    used: float


@dataclass(frozen=True)
class Overload:
    """What the samples say. Times in milliseconds, rates in requests a second."""

    capacity: float
    offered: float
    requests: int
    accepted: int
    refused: int
    accepted_p50: float
    accepted_p99: float
    refused_p50: float
    refused_p99: float
    refused_max: float
    refused_without_retry_after: int
    failed: int
    throughput: float
    probe_p99: float
    probe_max: float
    probes_failed: int
    lag_p99: float
    client_ms: float


def overload(options: Namespace) -> Result:
    """Measures and draws; see `benchmarks.cli` for the options."""
    with service(options.output / "service.log") as server:
        request = post_image(photographs()[USUAL].data, key=server.key)
        run(closed_loop(server.port, request, 16, for_seconds(_WARM_UP_SECONDS)))
        before = capacity(server, request, options.seconds / 3)
        rate, used = before * options.times, time.process_time()
        load, probes = run(_storm(server, request, rate, options.seconds))
        used = time.process_time() - used
        capacity_now = (before + capacity(server, request, options.seconds / 3)) / 2
    found = summarise(load, probes, Storm(capacity_now, rate, options.seconds, used))
    load.write_csv(options.output / "overload.csv")
    plots.overload(load, probes, options.output / "overload.png")
    text = TEXT.format(times=options.times, seconds=options.seconds)
    return Result("overload", "Overload", text, [table(found)], bars(found), asdict(found))


async def _storm(server: Server, request: bytes, rate: float, seconds: float) -> tuple[Samples, Samples]:
    with tqdm(total=round(seconds), desc="overload", unit="s") as bar:
        tasks = [
            open_loop(server.port, request, poisson(rate, seconds), lambda moment: bar.update(int(moment) - bar.n)),
            *(open_loop(server.port, get(path), steady(_PROBES_A_SECOND, seconds)) for path in PROBES),
        ]
        load, *probes = await asyncio.gather(*tasks)
    return load, Samples.joined(probes)


def summarise(load: Samples, probes: Samples, storm: Storm) -> Overload:
    """Figures from the samples of the requests about images and of the probes."""
    accepted, refused, probed = load.seconds(200), load.seconds(*REFUSALS), probes.seconds()
    begun = float(load.due.min())
    # At first the queue is empty, and it takes everybody.
    settled = min(_SETTLES_SECONDS, storm.seconds / 2)
    return Overload(
        capacity=storm.capacity,
        offered=storm.rate,
        requests=len(load),
        accepted=len(accepted),
        refused=len(refused),
        accepted_p50=1000 * percentile(accepted, 50),
        accepted_p99=1000 * percentile(accepted, 99),
        refused_p50=1000 * percentile(refused, 50),
        refused_p99=1000 * percentile(refused, 99),
        refused_max=1000 * percentile(refused, 100),
        refused_without_retry_after=len(refused) - int(load.retry_after.sum()),
        failed=len(load) - len(accepted) - len(refused),
        throughput=load.rate_between(begun + settled, begun + storm.seconds),
        probe_p99=1000 * percentile(probed, 99),
        probe_max=1000 * percentile(probed, 100),
        probes_failed=len(probes) - probes.counts().get(200, 0),
        lag_p99=1000 * percentile(load.lag, 99),
        client_ms=1000 * storm.used / (len(load) + len(probes)),
    )


def bars(found: Overload) -> list[Bar]:
    """What has to hold."""
    return [
        Bar("accepted: p99, times their p50", found.accepted_p99 / found.accepted_p50, 3),
        Bar("refused within (p99)", found.refused_p99, 20, "ms"),
        Bar("refused without Retry-After", found.refused_without_retry_after, 0),
        Bar("images a second, of the capacity", found.throughput / found.capacity, 0.9, at_most=False),
        Bar("answers that are neither 200 nor a refusal", found.failed, 0),
        Bar("slowest probe", found.probe_max, 100, "ms"),
        Bar("probes not answered with 200", found.probes_failed, 0),
    ]


def table(found: Overload) -> Table:
    """What was measured."""
    rows = [
        ("capacity", f"{found.capacity:.0f} images/s"),
        ("offered", f"{found.offered:.0f} requests/s, {found.requests} in all"),
        ("answered", f"{found.throughput:.0f} images/s, {found.accepted} in all"),
        ("time to an answer", f"p50 {found.accepted_p50:.0f} ms, p99 {found.accepted_p99:.0f} ms"),
        ("refused", f"{found.refused}"),
        (
            "time to a refusal",
            f"p50 {found.refused_p50:.1f} ms, p99 {found.refused_p99:.1f} ms, slowest {found.refused_max:.1f} ms",
        ),
        ("time to the answer of a probe", f"p99 {found.probe_p99:.1f} ms, slowest {found.probe_max:.1f} ms"),
        ("the load itself", f"sent p99 {found.lag_p99:.1f} ms late, {found.client_ms:.2f} ms of a processor a request"),
    ]
    return Table("Overload:", ("", ""), rows)
