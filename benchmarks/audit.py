"""`audit`: what the audit trail costs: services without one, with SQLite and with PostgreSQL, in turns."""

from __future__ import annotations

import csv
import os
from argparse import Namespace
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from tqdm import tqdm

from benchmarks import plots
from benchmarks.capacity import CLIENTS, capacity
from benchmarks.images import USUAL, photographs
from benchmarks.load import closed_loop, for_seconds, run
from benchmarks.postgres import NoPostgres, postgres
from benchmarks.processes import Server, ServerFailed, processor_seconds
from benchmarks.requests import post_image
from benchmarks.result import Bar, Result, Table
from benchmarks.samples import percentile
from benchmarks.service import service

TEXT = """\
Three services run side by side: one without an audit trail, one with SQLite on this machine's disk and one with a
PostgreSQL of its own on it; both are on the disk before an answer begins. {clients} clients ask one of them about one
image (JPEG of 1022x767, API key) without a pause for {seconds:g} s while the others are idle, then one client does;
so in turns, {rounds} times, each time in another order. A ratio is taken inside a round before the median. The load
average of the machine was {load:.1f} when it began: where that is above 0, other work ran, too, and images a second say
little. Processor time, that of the database's own processes included, says what the trail costs also then: where a
processor is the limit, as it is here, a share of it is a share of the images."""

OFF, SQLITE, POSTGRESQL = "no audit trail", "SQLite", "PostgreSQL"
_WARM_UP_SECONDS = 1.0
_LOSS = 0.05


@dataclass(frozen=True)
class Audited:
    """What was measured, by OFF, SQLITE and POSTGRESQL.

    Attributes:
        rates: Images a second of many clients, round by round.
        work: Processor seconds for an image of many clients, round by round.
        seconds: Of each answer to one client.
        ready: Seconds until it was ready; each was started once, alone.
    """

    rates: dict[str, list[float]]
    work: dict[str, list[float]]
    seconds: dict[str, list[float]]
    ready: dict[str, float]

    def share(self, name: str) -> float:
        """Images a second, of those without a trail."""
        return median(b / a for a, b in zip(self.rates[OFF], self.rates[name], strict=True))

    def times(self, name: str) -> float:
        """Processor time for an image, times that without a trail."""
        return median(b / a for a, b in zip(self.work[OFF], self.work[name], strict=True))


def audit(options: Namespace) -> Result:
    """Measures and draws; see `benchmarks.cli` for the options."""
    load = os.getloadavg()[0]
    with ExitStack() as stack:
        try:
            database = stack.enter_context(postgres())
        except NoPostgres as error:
            raise ServerFailed(str(error)) from None
        settings = {
            OFF: {"MELANOSERVE_AUDIT": "off"},
            SQLITE: {},
            POSTGRESQL: {"MELANOSERVE_AUDIT_URL": database.url},
        }
        servers = {
            name: stack.enter_context(service(options.output / f"service-{number}.log", variables=variables))
            for number, (name, variables) in enumerate(settings.items())
        }
        databases = {POSTGRESQL: database.process.pid} if database.process is not None else {}
        found = measure(servers, databases, options.rounds, options.seconds)
    _write_csv(found, options.output / "audit.csv")
    plots.audit(found.rates, options.output / "audit.png")
    text = TEXT.format(clients=CLIENTS, seconds=options.seconds, rounds=options.rounds, load=load)
    return Result("audit", "What the audit trail costs", text, [table(found)], bars(found), asdict(found))


def measure(servers: Mapping[str, Server], databases: Mapping[str, int], rounds: int, seconds: float) -> Audited:
    """Asks running servers in turns.

    Args:
        servers: By OFF and the others.
        databases: Their processes, of those that have one of their own.
        rounds: How often.
        seconds: For how long each time.

    Raises:
        ServerFailed: One does not answer with 200.
    """
    image = photographs()[USUAL].data
    names = list(servers)
    requests = {name: post_image(image, key=server.key) for name, server in servers.items()}
    for name, server in servers.items():
        capacity(server, requests[name], _WARM_UP_SECONDS)
    ready = {name: server.ready_seconds for name, server in servers.items()}
    found = Audited({name: [] for name in names}, {name: [] for name in names}, {name: [] for name in names}, ready)
    for number in tqdm(range(rounds), desc="audit", unit="round"):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            used = _used(servers[name], databases.get(name))
            many = run(closed_loop(servers[name].port, requests[name], CLIENTS, for_seconds(seconds)))
            found.rates[name].append(many.rate())
            found.work[name].append((_used(servers[name], databases.get(name)) - used) / len(many))
            alone = run(closed_loop(servers[name].port, requests[name], 1, for_seconds(seconds / 2)))
            found.seconds[name] += alone.seconds(200).tolist()
    return found


def _used(server: Server, database: int | None) -> float:
    return processor_seconds(server.pid) + (0.0 if database is None else processor_seconds(database))


def table(found: Audited) -> Table:
    """What was measured."""
    rows = [
        (
            name,
            f"{median(found.rates[name]):.1f}",
            f"{found.share(name):.3f}",
            f"{1000 * median(found.work[name]):.2f} ms",
            f"{found.times(name):.3f}",
            f"{1000 * percentile(found.seconds[name], 50):.1f} ms",
            f"{found.ready[name]:.1f} s",
        )
        for name in found.rates
    ]
    without = "of that without a trail"
    header = (
        "",
        f"images/s, {CLIENTS} clients",
        without,
        "processor, an image",
        without,
        "p50, 1 client",
        "ready after",
    )
    return Table("Audit trail:", header, rows)


def bars(found: Audited) -> list[Bar]:
    """What has to hold."""
    made = []
    for name in (name for name in found.rates if name != OFF):
        made.append(Bar(f"{name}: images a second, of those without", found.share(name), 1 - _LOSS, at_most=False))
        made.append(Bar(f"{name}: processor an image, times that without", found.times(name), 1 + _LOSS))
    return made


def _write_csv(found: Audited, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["round", "trail", "images_a_second"])
        for name, rates in found.rates.items():
            writer.writerows([number, name, f"{rate:.3f}"] for number, rate in enumerate(rates, 1))
