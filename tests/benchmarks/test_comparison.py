import math

import pytest

from benchmarks.comparison import BARE, CLIENTS, MANY, OURS, Comparison, Measured, Started
from benchmarks.images import SIZES, USUAL

TITLES = {BARE: "the bare work", OURS: "ours", "one": "One", "two": "Two", "three": "Three"}


def _round(number: int, bare: float, ours: float, one: float, two: float) -> list[Measured]:
    return [
        Measured(number, BARE, USUAL, 0, bare, 10.0, 12.0),
        Measured(number, BARE, USUAL, 1, bare / 2, 10.0 + number, 12.0),
        Measured(number, OURS, USUAL, MANY, ours, 100.0, 200.0 + number),
        Measured(number, OURS, USUAL, 1, ours / 2, 12.0 + number, 14.0),
        Measured(number, "one", USUAL, MANY, one, 100.0, 200.0, failed=2),
        Measured(number, "two", USUAL, MANY, two, 100.0, 200.0),
    ]


@pytest.fixture
def found() -> Comparison:
    """The machine was half as fast in the second round, which is none of the ratios' business."""
    measured = [
        *_round(0, 200.0, 180.0, 50.0, 60.0),
        *_round(1, 100.0, 92.0, 25.0, 30.0),
        *_round(2, 200.0, 188.0, 50.0, 60.0),
    ]
    started = [Started(number, OURS, 1.0 + number, 2, 150.0 + number, 200.0) for number in range(3)]
    answers = {BARE: 0.5, OURS: 0.5, "one": 0.51, "two": 0.49}
    return Comparison(TITLES, measured, started, {"three": "no such package"}, answers)


def _bar(found: Comparison, what: str) -> float:
    (value,) = [bar.value for bar in found.bars() if what in bar.what]
    return value


def test_medians(found: Comparison) -> None:
    assert found.rate(OURS) == 180.0
    assert (found.p50(OURS, MANY), found.p99(OURS, MANY)) == (100.0, 201.0)
    assert math.isnan(found.rate(OURS, clients=64))
    assert math.isnan(found.rate("three"))


def test_a_ratio_is_taken_inside_its_round(found: Comparison) -> None:
    assert found.ratio(OURS, BARE) == pytest.approx(0.92)  # of 0.90, 0.92 and 0.94; of the medians it would be 0.90
    assert found.latency_ratio() == pytest.approx(13 / 11)


def test_rounds_that_only_one_of_them_has_are_left_out(found: Comparison) -> None:
    found.measured[:] = [m for m in found.measured if (m.round, m.subject) != (1, OURS)]  # type: ignore[index]
    assert found.ratio(OURS, BARE) == pytest.approx(0.92)  # the middle of 0.90 and 0.94


def test_the_best_peer_is_what_counts(found: Comparison) -> None:
    assert found.peers() == ["two", "one"]
    assert _bar(found, "best peer") == pytest.approx(92 / 30)


def test_the_bars(found: Comparison) -> None:
    assert _bar(found, "of the bare work") == pytest.approx(0.92)
    assert _bar(found, "ready after") == 2.0
    assert _bar(found, "largest process") == 152.0  # of any round
    assert _bar(found, "difference of a probability") == pytest.approx(0.02)
    assert _bar(found, "requests that failed") == 0  # those of a peer are in the table


def test_without_peers_nothing_is_said_of_them(found: Comparison) -> None:
    alone = Comparison(
        {name: TITLES[name] for name in (BARE, OURS)},
        [m for m in found.measured if m.subject in (BARE, OURS)],
        found.started,
        {},
        {BARE: 0.5, OURS: 0.5},
    )
    assert not any("peer" in bar.what for bar in alone.bars())


def test_a_peer_that_cannot_be_measured_is_in_the_table_with_the_reason(found: Comparison) -> None:
    glance = found.tables()[0]
    row = next(row for row in glance.rows if row[0] == "Three")
    assert row[1] == "not measured: no such package"
    assert all(len(row) == len(glance.header) for row in glance.rows)


def test_every_row_says_what_was_measured(found: Comparison) -> None:
    glance, by_clients, by_image = found.tables()
    ours = dict(zip(glance.header, next(row for row in glance.rows if row[0] == "ours"), strict=True))
    assert ours["images/s, 16 clients"] == "180"
    assert ours["of the bare work"] == "0.92"
    assert ours["p50 / p99, 16 clients"] == "100 / 201 ms"
    assert ours["memory"] == "200 MB in 2 processes"
    one = dict(zip(glance.header, next(row for row in glance.rows if row[0] == "One"), strict=True))
    assert one["failed requests"] == "6"
    assert by_clients.header == ("", *map(str, CLIENTS))
    assert [row[0] for row in by_clients.rows] == ["ours", "Two", "One"]
    assert by_image.header == ("", *SIZES)
    assert by_image.rows[0][:2] == ["the bare work", "200"]
