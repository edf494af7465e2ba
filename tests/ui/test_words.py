from pathlib import Path
from typing import get_args

import pytest

from client import MelanoserveError, NotReachable, OperatingPoint, Problem, UnexpectedAnswer
from model_store.manifest import Issue
from ui import words

DOCUMENTED = (Path(__file__).parents[2] / "docs" / "errors.md").read_text()


def problem(code: str, *, retryable: bool = False, status: int = 422) -> Problem:
    """As the service says it."""
    members = {"code": code, "status": status, "title": "It went wrong", "detail": "In this way."}
    return Problem.of(members | {"retryable": retryable, "request_id": "f00"})


def test_advice_is_given_for_problems_that_there_are() -> None:
    for code in words.ADVICE:
        assert f"| `{code}` |" in DOCUMENTED


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (problem("corrupt_image"), "It went wrong. In this way. Export the original once more"),
        (problem("a_new_one", retryable=True), "In this way. Ask again in a moment."),
        (problem("a_new_one"), "Asking again unchanged cannot help."),
        (NotReachable("nothing listens at http://x"), "cannot be reached. Nothing was lost"),
        (UnexpectedAnswer("http://x answered 200 with what is no JSON"), "Something else than melanoserve answered."),
    ],
)
def test_trouble_is_a_sentence_that_says_what_to_do(error: MelanoserveError, said: str) -> None:
    text = words.trouble(error)
    assert said in text
    assert text.endswith(".")


def test_of_a_file_of_several_pictures_it_is_told_how_many_there_are() -> None:
    said = words.several(problem("animated_image"))
    assert said == "This file holds several pictures: choose below which one you mean. In this way."


def test_a_request_can_be_found_in_the_log_where_there_was_one() -> None:
    assert words.reference(problem("overloaded", retryable=True, status=503)) == "overloaded, request f00"
    assert words.reference(NotReachable("nothing listens")) == ""


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.0, "0.0 %"),
        (1.0, "100.0 %"),
        (0.3701, "37.0 %"),
        (0.0004, "less than 0.1 %"),
        (0.9996, "more than 99.9 %"),
    ],
)
def test_a_share_is_never_rounded_to_a_certainty(share: float, said: str) -> None:
    assert words.percent(share) == said


def test_an_operating_point_in_plain_words() -> None:
    point = OperatingPoint(
        name="melanoma_sensitivity_95",
        threshold=0.06,
        sensitivity=0.9536,
        sensitivity_ci=(0.9291, 0.9749),
        specificity=0.6126,
        specificity_ci=(0.5719, 0.6557),
        measured_on="painted",
    )
    said = words.point(point)
    assert "from a probability of 6.0 % on" in said
    assert "finds about 95 (95 % interval 93 to 97) and misses the others" in said
    assert "leaves about 61 (95 % interval 57 to 66) alone" in said
    assert words.title(point.name) == "Melanoma sensitivity 95 %"


def test_what_is_wrong_with_a_picture_comes_with_a_way_to_do_better() -> None:
    assert words.BETTER.keys() == set(get_args(Issue))
    assert words.issue("too_dark") == "Too dark. Switch the dermoscope's light on, or expose longer."
    assert words.issue("never_heard_of") == "Never heard of."


def test_figures_are_named_for_people() -> None:
    assert words.metric("auc_malignant_vs_benign") == "AUC malignant vs benign"
    assert words.metric("sensitivity@melanoma_sensitivity_95") == "Sensitivity, at melanoma sensitivity 95 %"
