"""`explain`: what the heatmap costs: answers with it and without it, in turns, of one running service."""

from __future__ import annotations

import csv
import json
from argparse import Namespace
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from tqdm import tqdm

from benchmarks import plots
from benchmarks.comparison import MANY
from benchmarks.connection import Connection
from benchmarks.images import USUAL, photographs
from benchmarks.load import clock, closed_loop, for_seconds, run
from benchmarks.processes import Server, ServerFailed
from benchmarks.requests import post_image
from benchmarks.result import Bar, Result, Table
from benchmarks.service import service

TEXT = """\
One client asks about one image (JPEG of 1022x767, API key) without a pause, in turns with `explain=true` and without
it; then {many} clients do, {seconds:g} s with and as long without. That {rounds} times, with one service. Times are
medians over all answers, a ratio of rates is taken inside a round before the median."""

WITHOUT, WITH = "without a heatmap", "with a heatmap"
_WARM_UP_SECONDS = 1.0
_SLOWER = 1.15


@dataclass(frozen=True)
class Explained:
    """What was measured: seconds of each answer to one client, and images a second to many, by WITHOUT and WITH."""

    seconds: dict[str, list[float]]
    rates: dict[str, list[float]]
    heatmap_bytes: int

    def times(self) -> float:
        """Median time with a heatmap, times that without."""
        return median(self.seconds[WITH]) / median(self.seconds[WITHOUT])

    def share(self) -> float:
        """Images a second with a heatmap, of those without."""
        return median(b / a for a, b in zip(self.rates[WITHOUT], self.rates[WITH], strict=True))


def explain(options: Namespace) -> Result:
    """Measures and draws; see `benchmarks.cli` for the options."""
    with service(options.output / "service.log") as server:
        found = measure(server, options.rounds, options.seconds)
    _write_csv(found, options.output / "explain.csv")
    plots.explain(found.seconds, options.output / "explain.png")
    text = TEXT.format(many=MANY, seconds=options.seconds, rounds=options.rounds)
    return Result("explain", "What the heatmap costs", text, [table(found)], bars(found), asdict(found))


def measure(server: Server, rounds: int, seconds: float) -> Explained:
    """Asks a running server.

    Args:
        server: That is ready.
        rounds: How often.
        seconds: For how long each time.

    Raises:
        ServerFailed: It does not answer with 200.
    """
    image = photographs()[USUAL].data
    requests = {
        name: post_image(image, key=server.key, path=path)
        for name, path in ((WITHOUT, "/classify"), (WITH, "/classify?explain=true"))
    }
    run(_in_turns(server, requests, for_seconds(_WARM_UP_SECONDS)))
    found = Explained({name: [] for name in requests}, {name: [] for name in requests}, 0)
    drawn = 0
    for _ in tqdm(range(rounds), desc="explain", unit="round"):
        times, drawn = run(_in_turns(server, requests, for_seconds(2 * seconds)))
        for name, request in requests.items():
            found.seconds[name] += times[name]
            samples = run(closed_loop(server.port, request, MANY, for_seconds(seconds)))
            found.rates[name].append(samples.rate())
    return Explained(found.seconds, found.rates, drawn)


async def _in_turns(
    server: Server, requests: dict[str, bytes], going_on: Callable[[], bool]
) -> tuple[dict[str, list[float]], int]:
    """Seconds of each answer, and how many bytes the last heatmap has."""
    seconds: dict[str, list[float]] = {name: [] for name in requests}
    body = b""
    with closing(await Connection.open(server.port)) as connection:
        while going_on():
            for name, request in requests.items():
                begun = clock()
                reply = await connection.ask(request)
                seconds[name].append(clock() - begun)
                body = reply.body
                if reply.status != 200:
                    raise ServerFailed(f"it answers {reply.status}")
    return seconds, len(json.loads(body)["explanation"]["heatmap_png"]) * 3 // 4


def bars(found: Explained) -> list[Bar]:
    """What has to hold."""
    return [
        Bar("1 client: median time with a heatmap, times that without", found.times(), _SLOWER),
        Bar(
            f"{MANY} clients: images a second with a heatmap, of those without",
            found.share(), round(1 / _SLOWER, 2), at_most=False,
        ),
    ]  # fmt: skip


def table(found: Explained) -> Table:
    """What was measured."""
    rows = [
        (name, f"{1000 * median(found.seconds[name]):.1f} ms", f"{median(found.rates[name]):.0f}")
        for name in (WITHOUT, WITH)
    ]
    title = f"Answers (the heatmap's PNG has {found.heatmap_bytes / 1000:.0f} kB):"
    return Table(title, ("", "p50, 1 client", f"images/s, {MANY} clients"), rows)


def _write_csv(found: Explained, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["heatmap", "seconds"])
        writer.writerows([name, f"{taken:.5f}"] for name, times in found.seconds.items() for taken in times)
