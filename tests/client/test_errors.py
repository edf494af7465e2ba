import pickle

import pytest

from client import errors
from client.errors import Problem, Unavailable, UnexpectedAnswer
from service.problems import catalogue
from tests.client.unreliable import PROBLEM


def test_every_problem_of_the_service_has_a_class_of_its_status() -> None:
    for code, kind in catalogue().items():
        members = PROBLEM | {"code": code, "status": kind.status, "retryable": kind.retryable}
        found = Problem.of(members)
        assert (found.code, found.status, found.retryable) == (code, kind.status, kind.retryable)
        if kind.status not in (405, 406):  # which this client never causes
            assert type(found) is not Problem, code


def test_it_says_what_and_why() -> None:
    found = Problem.of(PROBLEM, 1.5)
    assert type(found) is Unavailable
    assert str(found) == "The service is full: Later. (overloaded)"
    assert (found.retry_after, found.request_id) == (1.5, "r1")


@pytest.mark.parametrize("missing", ["code", "status", "title", "detail", "retryable", "request_id"])
def test_half_a_problem_is_none_of_melanoserve_s(missing: str) -> None:
    with pytest.raises(UnexpectedAnswer):
        Problem.of({name: value for name, value in PROBLEM.items() if name != missing})


def test_problems_travel_between_processes() -> None:
    found = pickle.loads(pickle.dumps(Problem.of(PROBLEM, 1.5)))
    assert type(found) is Unavailable
    assert vars(found) == vars(Problem.of(PROBLEM, 1.5))
    assert errors.MelanoserveError.retryable is False
