"""`stops`: SIGTERM in the middle of full load, again and again: whoever was let in must be answered."""

from __future__ import annotations

import asyncio
import csv
from argparse import Namespace
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from benchmarks import plots
from benchmarks.connection import Connection, ConnectionLost
from benchmarks.images import USUAL, photographs
from benchmarks.load import clock, run
from benchmarks.processes import Server
from benchmarks.requests import post_image
from benchmarks.result import Bar, Result, Table
from benchmarks.samples import LOST
from benchmarks.service import service

TEXT = """\
The service is started and stopped {stops} times. Each time 16 clients ask about one image (JPEG of 1022x767) without a
pause, half of them over connections that they keep, half over a new one for each request, and SIGTERM comes while they
do. They go on until nobody lets them in any more. A request is lost if its connection was made and there was no answer,
or another than 200."""

CLIENTS = 16
_LOAD_SECONDS = 1.0
_STOPS_WITHIN_SECONDS = 60.0


@dataclass(frozen=True)
class Stop:
    """One of them.

    Attributes:
        answers: Status -> how many; LOST for connections that ended without an answer.
        seconds: From the signal to the end of the process.
        status: Exit status.
    """

    answers: Counter[int]
    seconds: float
    status: int

    @property
    def lost(self) -> int:
        """Requests without a good answer."""
        return self.answers.total() - self.answers[200]


def stops(options: Namespace) -> Result:
    """Measures and draws; see `benchmarks.cli` for the options."""
    image = photographs()[USUAL].data
    found = []
    for _ in tqdm(range(options.stops), desc="stops", unit="stop"):
        with service(options.output / "service.log") as server:
            found.append(run(stop_under_load(server, post_image(image, key=server.key))))
    _write_csv(found, options.output / "stops.csv")
    plots.stops([stop.seconds for stop in found], [stop.answers[200] for stop in found], options.output / "stops.png")
    figures = {"stops": [{"answers": dict(s.answers), "seconds": s.seconds, "status": s.status} for s in found]}
    return Result("stops", "Stops under load", TEXT.format(stops=len(found)), [table(found)], bars(found), figures)


async def stop_under_load(server: Server, request: bytes) -> Stop:
    """Loads a server, ends it, and hears what became of the requests."""
    answers = Counter[int]()
    clients = [
        asyncio.create_task(_client(server.port, request, number % 2 == 0, answers)) for number in range(CLIENTS)
    ]
    await asyncio.sleep(_LOAD_SECONDS)
    begun = clock()
    status = await asyncio.to_thread(server.stop, _STOPS_WITHIN_SECONDS)
    seconds = clock() - begun
    await asyncio.gather(*clients)
    return Stop(answers, seconds, status)


async def _client(port: int, request: bytes, keeps: bool, answers: Counter[int]) -> None:
    """Asks until the port is closed."""
    while True:
        try:
            connection = await Connection.open(port)
        except OSError:
            return
        with closing(connection):
            try:
                while connection.usable:
                    answers[(await connection.ask(request)).status] += 1
                    if not keeps:
                        break
            except ConnectionLost:
                answers[LOST] += 1


def bars(found: list[Stop]) -> list[Bar]:
    """What has to hold."""
    return [
        Bar("requests that were let in and lost", sum(stop.lost for stop in found), 0),
        Bar("exit statuses other than 0", sum(stop.status != 0 for stop in found), 0),
    ]


def table(found: list[Stop]) -> Table:
    """What was measured."""
    seconds = [stop.seconds for stop in found]
    rows = [
        ("stops", f"{len(found)}"),
        ("answers", f"{sum(stop.answers[200] for stop in found)}"),
        ("lost", f"{sum(stop.lost for stop in found)}"),
        ("from the signal to the end", f"{min(seconds):.1f} to {max(seconds):.1f} s"),
    ]
    return Table("Stops:", ("", ""), rows)


def _write_csv(found: list[Stop], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["stop", "answers", "lost", "seconds", "status"])
        writer.writerows(
            [number, stop.answers[200], stop.lost, f"{stop.seconds:.3f}", stop.status]
            for number, stop in enumerate(found, 1)
        )
