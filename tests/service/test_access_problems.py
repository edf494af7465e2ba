import pytest

from service.access_problems import CHALLENGE, InsufficientScope, InvalidToken, KeyExpired, RateLimited, Unauthorized
from service.problems import Problem


@pytest.mark.parametrize(
    ("problem", "challenge"),
    [
        (Unauthorized("x"), CHALLENGE),
        (Unauthorized("x", error="invalid_token"), f'{CHALLENGE}, error="invalid_token"'),
        (KeyExpired("x"), f'{CHALLENGE}, error="invalid_token"'),
        (InvalidToken("x"), f'{CHALLENGE}, error="invalid_token"'),
        (InsufficientScope("x", scope="admin"), f'{CHALLENGE}, error="insufficient_scope", scope="admin"'),
    ],
)
def test_the_challenge_says_what_is_wrong_as_rfc_6750_has_it(problem: Problem, challenge: str) -> None:
    assert problem.headers == {"WWW-Authenticate": challenge}


@pytest.mark.parametrize(("wait", "seconds"), [(0.001, "1"), (1.0, "1"), (1.01, "2"), (59.5, "60")])
def test_who_comes_back_when_told_to_is_let_in(wait: float, seconds: str) -> None:
    assert RateLimited("x", wait=wait).headers == {"Retry-After": seconds}
