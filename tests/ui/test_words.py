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


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ((0.25, 0.1), ("25.0 %", "10.0 %")),
        ((0.0996, 0.1), ("9.96 %", "10.00 %")),
        ((0.1 - 1e-15, 0.1), ("9.9999999999999 %", "10.0000000000000 %")),
        ((0.0004, 0.0006), ("0.04 %", "0.06 %")),
        ((0.99994, 0.99996), ("99.994 %", "99.996 %")),
        ((0.1, 0.1), ("10.0 %", "10.0 %")),
    ],
)
def test_two_shares_read_the_same_only_where_they_are(shares: tuple[float, float], said: tuple[str, str]) -> None:
    assert words.apart(*shares) == said


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ((0.93, 0.9712), "93.0 to 97.1 %"),
        ((0.9884, 0.9996), "98.8 to more than 99.9 %"),
        ((0.0004, 0.002), "less than 0.1 to 0.2 %"),
        ((0.9996, 0.9999), "99.96 to 99.99 %"),
        ((0.5, 0.5), "50.0 to 50.0 %"),
    ],
)
def test_an_interval_does_not_end_at_a_certainty(ends: tuple[float, float], said: str) -> None:
    assert words.span(*ends) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0.0, "fewer than 1"),
        (0.97, "fewer than 1"),
        (1.0, "about 1"),
        (1.5, "about 1.5"),
        (9.97, "about 10"),
        (380.4, "about 380"),
    ],
)
def test_a_few_lesions_are_not_none(count: float, said: str) -> None:
    assert words.about(count) == said


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
    assert "from a probability of 6.00 % on" in words.point(point, 0.0604)
    assert words.title(point.name) == "Melanoma sensitivity 95 %"
    nearly = point.model_copy(update={"sensitivity": 0.9961, "sensitivity_ci": (0.985, 0.9999), "specificity": 0.003})
    said = words.point(nearly)
    assert "finds about 99.6 (95 % interval 98 to 99.9) and misses the others" in said
    assert "leaves about 0.3 (" in said
    named = point.model_copy(update={"melanoma_sensitivity": 0.9083, "melanoma_sensitivity_ci": (0.8562, 0.9531)})
    assert (
        "Of 100 pictures of malignant lesions that finds about 95 (95 % interval 93 to 97), of 100 of melanomas about "
        "91 (95 % interval 86 to 95), and misses the others; of 100 of benign ones it leaves"
    ) in words.point(named)
    every = point.model_copy(update={"sensitivity": 1.0, "specificity": 0.0})
    assert "finds about 100 (" in words.point(every)
    assert "leaves about 0 (" in words.point(every)


def test_what_is_wrong_with_a_picture_comes_with_a_way_to_do_better() -> None:
    assert words.BETTER.keys() == set(get_args(Issue))
    assert words.issue("too_dark") == "Too dark. Switch the dermoscope's light on, or expose longer."
    assert words.issue("never_heard_of") == "Never heard of."


def test_figures_are_named_for_people() -> None:
    assert words.metric("auc_malignant_vs_benign") == "AUC malignant vs benign"
    assert words.metric("sensitivity@melanoma_sensitivity_95") == "Sensitivity, at melanoma sensitivity 95 %"
