import pytest

from client.errors import NotReachable, Problem, UnexpectedAnswer
from client.retrying import Patience
from tests.client.unreliable import PROBLEM


def test_waits_double_and_are_spread() -> None:
    patience = Patience(attempts=5, first_wait=1.0, longest_wait=100)
    for attempt, longest in ((1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0)):
        waits = [patience.wait(NotReachable("x"), attempt) for _ in range(50)]
        assert all(wait is not None and longest / 2 <= wait <= longest for wait in waits)
        assert len(set(waits)) > 40
    assert patience.wait(NotReachable("x"), 5) is None
    assert Patience(attempts=10_000, longest_wait=5.0).wait(NotReachable("x"), 5_000) == 5.0


def test_the_service_may_ask_for_more_but_not_for_ever() -> None:
    patience = Patience(first_wait=0.01, longest_wait=5.0)
    waits = [patience.wait(Problem.of(PROBLEM, 2.0), 1) for _ in range(50)]
    assert all(wait is not None and 2.0 <= wait <= 3.0 for wait in waits)
    assert len(set(waits)) > 40, "who was told the same must not come back together"
    assert patience.wait(Problem.of(PROBLEM, 3600.0), 1) == 5.0


@pytest.mark.parametrize("error", [UnexpectedAnswer("x"), Problem.of(PROBLEM | {"retryable": False}, 1.0)])
def test_what_cannot_help_is_not_tried(error: UnexpectedAnswer | Problem) -> None:
    assert Patience().wait(error, 1) is None
