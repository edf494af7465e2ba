"""The load against a real server of a known slowness. Times are only ever bounded from below: a machine that does other
things too is slow, and never too fast.
"""

import itertools
import math

import pytest

from benchmarks import load
from benchmarks.load import closed_loop, for_seconds, open_loop, poisson, run, steady
from benchmarks.requests import get, post_image
from benchmarks.samples import LOST
from tests.benchmarks.tiny_server import Answer, Request, tiny_server

DELAY = 0.05


def test_each_client_waits_for_its_answer() -> None:
    with tiny_server(delay=DELAY) as port:
        samples = run(closed_loop(port, get("/"), 4, for_seconds(0.5)))
    assert samples.counts().keys() == {200}
    assert samples.seconds().min() >= DELAY
    assert 4 <= len(samples) <= 4 * math.ceil(0.5 / DELAY)
    assert samples.rate() <= 4 / DELAY


def test_a_closed_loop_goes_on_as_long_as_it_is_told() -> None:
    left = iter([True] * 7 + [False])
    heard: list[bytes] = []
    with tiny_server(lambda request: Answer(body=str(request.number).encode())) as port:
        samples = run(closed_loop(port, get("/"), 1, lambda: next(left), lambda reply: heard.append(reply.body)))
    assert len(samples) == 7
    assert heard == [str(number).encode() for number in range(7)]


def test_requests_come_however_slow_the_answers_are() -> None:
    """Ten are due within 0.09 s; one at a time is answered, so the last has waited for all before it."""
    with tiny_server(delay=DELAY, one_at_a_time=True) as port:
        samples = run(open_loop(port, get("/"), steady(100, 0.1)))
    assert len(samples) == 10
    for place, taken in enumerate(sorted(samples.seconds())):
        assert taken >= (place + 1) * DELAY - place * 0.01 - 1e-3
    assert samples.rate() <= 1 / DELAY


def test_a_late_request_counts_from_when_it_was_due() -> None:
    """All are due at once, and before: 0.2 s in the past for the first, as if the machine had stood still."""
    with tiny_server(delay=DELAY) as port:
        samples = run(open_loop(port, get("/"), [-0.2, -0.1, 0.0]))
    taken = samples.seconds()[samples.due.argsort()]
    assert taken[0] >= 0.2 + DELAY
    assert taken[1] >= 0.1 + DELAY
    assert samples.lag.max() >= 0.2


def test_refusals_and_their_advice_are_recorded() -> None:
    def busy(request: Request) -> Answer:
        if request.number % 3 == 0:
            return Answer()
        advice = {"Retry-After": "1"} if request.number % 3 == 1 else {}
        return Answer(503, headers={"Connection": "close", **advice})

    with tiny_server(busy) as port:
        samples = run(open_loop(port, post_image(b"x" * 1000), steady(200, 0.15)))
    assert samples.counts() == {200: 10, 503: 20}
    assert samples.retry_after.sum() == 10


def test_a_connection_that_ends_is_a_lost_request_and_not_the_end() -> None:
    with tiny_server(lambda request: Answer(0 if request.number == 1 else 200)) as port:
        samples = run(open_loop(port, get("/"), steady(50, 0.1)))
    assert samples.counts() == {LOST: 1, 200: 4}


def test_nobody_listens() -> None:
    with tiny_server() as port:
        pass
    samples = run(closed_loop(port, get("/"), 2, for_seconds(0.1)))
    assert samples.counts().keys() == {LOST}
    assert len(samples) <= 6  # it pauses instead of trying as fast as it can


def test_an_answer_that_takes_too_long_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "WAITS_SECONDS", 0.1)
    with tiny_server(delay=600) as port:
        samples = run(open_loop(port, get("/"), [0.0]))
    assert samples.counts() == {LOST: 1}
    assert samples.seconds().min() >= 0.09  # the loop's timers count in whole milliseconds, and may be one early


def test_moments_at_equal_distances() -> None:
    assert list(steady(4, 1.0)) == [0.0, 0.25, 0.5, 0.75]


def test_independent_arrivals_have_the_rate_that_was_asked_for() -> None:
    moments = list(poisson(100, 50.0))
    assert moments == sorted(moments)
    assert moments[0] > 0
    assert moments[-1] < 50
    # 5000 are expected, with a standard deviation of 71; the seed makes it the same number each time.
    assert 4700 < len(moments) < 5300
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    # Where arrivals are independent, the gaps spread as much as they last.
    mean = sum(gaps) / len(gaps)
    spread = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    assert spread == pytest.approx(mean, rel=0.1)
    assert list(poisson(100, 50.0)) == moments
    assert list(poisson(100, 50.0, seed=1)) != moments
