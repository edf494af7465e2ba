"""From the measurements of several rounds to medians, ratios, tables and bars. Nothing is measured here.

A ratio is taken inside each round, where both were measured within a minute of each other, and then the median over the
rounds: what else the machine did in that minute slowed both.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.images import SIZES, USUAL
from benchmarks.result import Bar, Table

BARE, OURS = "bare", "service"
CLIENTS = (1, 2, 4, 8, 16, 32, 64)
MANY = 16
SAME_ANSWER = 0.03
"""What another decoder and other arithmetic may change of a probability; more would be another work."""


@dataclass(frozen=True)
class Measured:
    """One measurement of one subject; rate and times are those of answers with status 200.

    Attributes:
        round: Its number.
        subject: As in `Comparison.titles`.
        image: As in `images.SIZES`.
        clients: 0 for work that is done as often as it can be, and not asked for over HTTP.
        rate: Images a second.
        p50_ms: Median time of an image.
        p99_ms: The 99th percentile.
        failed: Requests that were not answered with 200.
        client_ms: What a request took of a processor on the client's side.
    """

    round: int
    subject: str
    image: str
    clients: int
    rate: float
    p50_ms: float
    p99_ms: float
    failed: int = 0
    client_ms: float = 0.0


@dataclass(frozen=True)
class Started:
    """One start of one subject, and what it weighed after the measurement with `MANY` clients."""

    round: int
    subject: str
    ready_seconds: float
    processes: int
    largest_mb: float
    together_mb: float


@dataclass(frozen=True)
class Comparison:
    """Everything that the rounds measured.

    Attributes:
        titles: Subject -> its name for people, in the order of the tables.
        measured: In any order.
        started: In any order.
        unavailable: Subject -> why nothing was measured of it.
        answers: Subject -> the probability that it gave for the usual image.
    """

    titles: dict[str, str]
    measured: Sequence[Measured]
    started: Sequence[Started]
    unavailable: dict[str, str]
    answers: dict[str, float]

    def rates(self, subject: str, image: str, clients: int) -> dict[int, float]:
        """Round -> images a second. Bare work has no clients."""
        wanted = (subject, image, 0 if subject == BARE and clients > 1 else clients)
        return {m.round: m.rate for m in self.measured if (m.subject, m.image, m.clients) == wanted}

    def rate(self, subject: str, image: str = USUAL, clients: int = MANY) -> float:
        """Median of images a second; NaN if it was not measured."""
        return _median(self.rates(subject, image, clients).values())

    def p50(self, subject: str, clients: int) -> float:
        """Median over the rounds of the median milliseconds of the usual image."""
        return _median(m.p50_ms for m in self._of(subject, clients))

    def p99(self, subject: str, clients: int) -> float:
        """The same of the 99th percentile."""
        return _median(m.p99_ms for m in self._of(subject, clients))

    def ratio(self, one: str, other: str, image: str = USUAL, clients: int = MANY) -> float:
        """Median over the rounds of how many times the images a second of the other."""
        ones, others = self.rates(one, image, clients), self.rates(other, image, clients)
        return _median(ones[number] / others[number] for number in ones.keys() & others.keys())

    def latency_ratio(self) -> float:
        """Median over the rounds of how many times the bare median time a request of a lone client takes."""
        ours = {m.round: m.p50_ms for m in self._of(OURS, 1)}
        bare = {m.round: m.p50_ms for m in self._of(BARE, 1)}
        return _median(ours[number] / bare[number] for number in ours.keys() & bare.keys())

    def failed(self, subject: str) -> int:
        """Requests that were not answered with 200, of all measurements."""
        return sum(m.failed for m in self.measured if m.subject == subject)

    def client_ms(self) -> float:
        """Median of what a request to our service took of a processor on the client's side."""
        return _median(m.client_ms for m in self._of(OURS, MANY))

    def starts(self, subject: str, value: str) -> float:
        """Median over the rounds of a value of `Started`."""
        return _median(float(getattr(start, value)) for start in self.started if start.subject == subject)

    def peers(self) -> list[str]:
        """Those of which something was measured, the best at `MANY` clients first."""
        others = [name for name in self.titles if name not in (BARE, OURS) and not math.isnan(self.rate(name))]
        return sorted(others, key=self.rate, reverse=True)

    def tables(self) -> list[Table]:
        """The comparison at a glance, by clients, and by image."""
        return [self._glance(), self._by_clients(), self._by_image()]

    def bars(self) -> list[Bar]:
        """What the service has to reach. Without a peer, nothing is said of peers."""
        bars = [Bar("16 clients: images a second, of the bare work", self.ratio(OURS, BARE), 0.85, at_most=False)]
        if peers := self.peers():
            times = min(self.ratio(OURS, peer) for peer in peers)
            bars.append(Bar("16 clients: images a second, times the best peer", times, 3, at_most=False))
        largest = max((start.largest_mb for start in self.started if start.subject == OURS), default=math.nan)
        return [
            *bars,
            Bar("1 client: median time, times a bare decode and forward pass", self.latency_ratio(), 1.25),
            Bar("ready after", self.starts(OURS, "ready_seconds"), 1.5, "s"),
            Bar("largest process, at its peak", largest, 300, "MB"),
            Bar("requests that failed", self.failed(OURS), 0),
            Bar("largest difference of a probability, among all", self._spread(), SAME_ANSWER),
        ]

    def _of(self, subject: str, clients: int) -> list[Measured]:
        return [m for m in self.measured if (m.subject, m.image, m.clients) == (subject, USUAL, clients)]

    def _spread(self) -> float:
        return max(self.answers.values()) - min(self.answers.values())

    def _glance(self) -> Table:
        header = (
            "", "images/s, 16 clients", "of the bare work", "p50 / p99, 16 clients", "p50, 1 client", "ready after",
            "memory", "failed requests", "answer",
        )  # fmt: skip
        return Table(f"JPEG of {USUAL} pixels:", header, [self._row(name) for name in self.titles])

    def _row(self, name: str) -> list[str]:
        if name in self.unavailable:
            return [self.titles[name], f"not measured: {self.unavailable[name]}", *[""] * 7]
        together, processes = self.starts(name, "together_mb"), self.starts(name, "processes")
        plural = "es" if processes != 1 else ""
        return [
            self.titles[name],
            _number(self.rate(name)),
            _number(self.ratio(name, BARE), ".2f"),
            "" if name == BARE else f"{_number(self.p50(name, MANY))} / {_number(self.p99(name, MANY))} ms",
            _number(self.p50(name, 1), ".1f", " ms"),
            _number(self.starts(name, "ready_seconds"), ".1f", " s"),
            "" if math.isnan(together) else f"{together:.0f} MB in {processes:.0f} process{plural}",
            "" if name == BARE else str(self.failed(name)),
            _number(self.answers.get(name, math.nan), ".4f"),
        ]

    def _by_clients(self) -> Table:
        rows = [
            [self.titles[name], *(_number(self.rate(name, clients=count)) for count in CLIENTS)]
            for name in (OURS, *self.peers())
        ]
        return Table(f"Images a second by clients, JPEG of {USUAL}:", ("", *map(str, CLIENTS)), rows)

    def _by_image(self) -> Table:
        rows = [
            [self.titles[name], *(_number(self.rate(name, image)) for image in SIZES)]
            for name in (BARE, OURS, *self.peers())
        ]
        return Table("Images a second by image, 16 clients:", ("", *SIZES), rows)


def _median(values: Iterable[float]) -> float:
    known = list(values)
    return median(known) if known else math.nan


def _number(value: float, form: str = ".0f", unit: str = "") -> str:
    return "" if math.isnan(value) else f"{value:{form}}{unit}"
