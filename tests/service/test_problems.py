import re
import sys
from http import HTTPStatus

import pytest

from dermoscopy.errors import ImageError
from model_store.errors import StoreError, VersionExists
from service import access_problems, problems
from service.problems import FOREIGN, Kind, Problem, catalogue, kind_of
from tests.running_service import ROOT

# Only who publishes can meet it.
NEVER_HERE = {VersionExists}

Row = tuple[int, bool]


def below(base: type[Exception]) -> list[type[Exception]]:
    direct = base.__subclasses__()
    return direct + [deeper for subclass in direct for deeper in below(subclass)]


def documented() -> dict[str, Row]:
    """The rows of docs/errors.md: code -> status, retryable."""
    text = (ROOT / "docs" / "errors.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\d{3}) \| (yes|no) \| [^|]+ \| [^|]*\|$", text, re.MULTILINE)
    assert len(rows) == len({code for code, _, _ in rows}), "a code has two rows"
    return {code: (int(status), retryable == "yes") for code, status, retryable in rows}


def test_every_problem_has_a_documented_row_and_every_row_a_problem() -> None:
    assert documented() == {code: (kind.status, kind.retryable) for code, kind in catalogue().items()}


@pytest.mark.parametrize("error", below(ImageError))
def test_every_image_error_has_a_kind_of_its_own(error: type[ImageError]) -> None:
    assert FOREIGN[error].code == error.code
    assert FOREIGN[error].status in {413, 415, 422}
    assert not FOREIGN[error].retryable


@pytest.mark.parametrize("error", [error for error in below(StoreError) if error not in NEVER_HERE])
def test_every_store_error_has_a_kind(error: type[StoreError]) -> None:
    assert kind_of(error("x")) is not None


@pytest.mark.parametrize("problem", below(Problem))
def test_every_problem_has_a_kind_and_says_what_it_is(problem: type[Problem]) -> None:
    assert isinstance(vars(problem).get("kind"), Kind), "it would share its parent's code"
    assert problem.__doc__
    HTTPStatus(problem.kind.status)
    assert re.fullmatch(r"[a-z_]+", problem.kind.code)
    assert problem.kind.title


def test_codes_are_unique() -> None:
    kinds = [*(problem.kind for problem in below(Problem) if issubclass(problem, Problem)), *FOREIGN.values()]
    assert len({kind.code for kind in kinds}) == len(kinds)


def test_a_subclass_that_nobody_listed_is_what_its_parent_is() -> None:
    class Odd(next(iter(FOREIGN))):  # type: ignore[misc]  # a base that is computed
        pass

    assert kind_of(Odd("x")) is next(iter(FOREIGN.values()))


def test_anything_else_has_no_kind() -> None:
    assert kind_of(ValueError("x")) is None


def test_the_tree_at_the_top_of_a_file_names_every_problem_in_it() -> None:
    assert {problem.__module__ for problem in below(Problem)} == {problems.__name__, access_problems.__name__}
    for problem in below(Problem):
        assert problem.__name__ in (sys.modules[problem.__module__].__doc__ or "")
