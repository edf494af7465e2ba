import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.rate_limit import TokenBucket


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def passes(bucket: TokenBucket, attempts: int) -> int:
    return sum(bucket.take() == 0 for _ in range(attempts))


def test_a_minute_s_worth_passes_at_once_and_no_more(clock: Clock) -> None:
    assert passes(TokenBucket(60, clock), 100) == 60


def test_after_a_pause_a_minute_lets_through_what_is_there_and_what_comes(clock: Clock) -> None:
    bucket, passed = TokenBucket(60, clock), 0
    for _ in range(60):
        passed += passes(bucket, 100)
        clock.now += 1
    assert passed == 60 + 59  # as the answer and the documents say: at once, and then one a second
    assert passes(bucket, 100) == 1


def test_it_refills_continuously(clock: Clock) -> None:
    bucket = TokenBucket(60, clock)
    assert passes(bucket, 100) == 60
    clock.now += 0.5
    assert bucket.take() == 0.5
    clock.now += 0.5
    assert passes(bucket, 100) == 1
    clock.now += 10
    assert passes(bucket, 100) == 10


def test_it_never_holds_more_than_a_minute_s_worth(clock: Clock) -> None:
    bucket = TokenBucket(60, clock)
    clock.now += 1e9
    assert passes(bucket, 100) == 60


def test_after_the_wait_that_it_names_it_lets_through(clock: Clock) -> None:
    bucket = TokenBucket(7, clock)
    for _ in range(50):
        wait = bucket.take()
        if wait:
            assert wait <= 60 / 7
            clock.now += wait / 2
            assert bucket.take() > 0
            clock.now += wait / 2 + 1e-6
            assert bucket.take() == 0


def test_asking_in_vain_costs_nothing(clock: Clock) -> None:
    bucket = TokenBucket(1, clock)
    assert bucket.take() == 0
    for _ in range(60):
        clock.now += 0.5
        assert bucket.take() > 0
    clock.now += 30
    assert bucket.take() == 0


def test_less_than_one_a_minute_still_lets_one_through(clock: Clock) -> None:
    bucket = TokenBucket(0.25, clock)
    assert bucket.take() == 0
    assert bucket.take() == 240
    clock.now += 240
    assert bucket.take() == 0


def test_real_time() -> None:
    bucket = TokenBucket(600)
    assert passes(bucket, 600) == 600
    time.sleep(0.3)
    # 10 a second: the machine may have been slow, but not fast.
    assert passes(bucket, 100) >= 3


def test_threads_get_as_many_as_there_are(clock: Clock) -> None:
    bucket = TokenBucket(5000, clock)
    before = sys.getswitchinterval()
    # Python changes threads too seldom to show what happens when it does at the wrong moment.
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(lambda _: passes(bucket, 2000), range(8))) == 5000
    finally:
        sys.setswitchinterval(before)
