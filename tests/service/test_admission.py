import time

import pytest

from service.admission import Admission
from service.problems import Overloaded


def test_requests_are_admitted_up_to_the_limit_and_again_when_one_leaves() -> None:
    admission = Admission(2, 1_000)
    leave = admission.enter(10)
    admission.enter(10)
    with pytest.raises(Overloaded):
        admission.enter(10)
    leave()
    admission.enter(10)
    assert (admission.requests, admission.bytes) == (2, 20)


def test_bytes_are_a_limit_of_their_own() -> None:
    admission = Admission(100, 1_000)
    leave = admission.enter(900)
    with pytest.raises(Overloaded):
        admission.enter(200)
    admission.enter(100)
    leave()
    admission.enter(900)


def test_what_is_larger_than_the_limit_is_admitted_when_it_is_alone() -> None:
    """Or a limit that was set too low would refuse it for ever, and tell the client to try again."""
    admission = Admission(100, 1_000)
    leave = admission.enter(5_000)
    with pytest.raises(Overloaded):
        admission.enter(1)
    leave()
    admission.enter(1)


def test_leaving_twice_counts_once() -> None:
    admission = Admission(2, 1_000)
    leave = admission.enter(10)
    admission.enter(10)
    leave()
    leave()
    assert (admission.requests, admission.bytes) == (1, 10)


def test_it_tells_whether_something_was_refused_lately(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    admission = Admission(1, 1_000)
    assert not admission.refusing
    admission.enter(10)
    assert not admission.refusing
    with pytest.raises(Overloaded):
        admission.check(10)
    assert admission.refusing
    now += 0.9
    assert admission.refusing
    now += 0.2
    assert not admission.refusing


@pytest.mark.parametrize("size", [10, 300], ids=["requests", "bytes"])
def test_a_crowd_that_is_gone_is_told_of_once(size: int) -> None:
    admission = Admission(8, 2_000)
    admission.enter(10)
    assert not admission.notice_ebb()
    crowd = [admission.enter(size) for _ in range(5)]
    assert not admission.notice_ebb()
    for leave in crowd[1:]:
        leave()
    assert admission.notice_ebb()
    assert not admission.notice_ebb()


def test_a_crowd_of_which_some_were_just_refused_may_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    admission = Admission(1, 1_000)
    leave = admission.enter(10)
    with pytest.raises(Overloaded):
        admission.check(10)
    leave()
    assert not admission.notice_ebb()
    now += 1.1
    assert admission.notice_ebb()
