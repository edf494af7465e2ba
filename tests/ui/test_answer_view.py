"""What the service does not say of a rendered picture; the rest is looked at in a browser."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from client import Classification
from tests.ui.test_records import POINT, SAID

pytestmark = pytest.mark.usefixtures("main_module")


def _draw(said: "Classification") -> None:
    from ui import answer_view  # noqa: PLC0415 - Streamlit runs the text of this function

    answer_view.verdict(said)
    answer_view.quality(said)


def _shown(**changes: Any) -> str:
    app = AppTest.from_function(_draw, args=(Classification.model_validate(SAID | changes),)).run(timeout=180)
    assert not app.exception
    return " ".join(str(getattr(element, "body", "") or getattr(element, "value", "")) for element in app.main)


def test_an_abstained_decision_stays_one() -> None:
    quality = {"acceptable": False, "issues": ["blurred", "never_heard_of"]}
    text = _shown(decision="abstained", probability=None, classes=None, quality=quality)
    assert "Not answered" in text
    assert "gave no probability" in text
    assert "It is not fit to be classified." in text
    assert "Hold the dermoscope still" in text
    assert "Never heard of" in text
    assert "%" not in text


def test_an_issue_of_a_picture_that_was_answered_is_named_beside_the_answer() -> None:
    text = _shown(quality={"acceptable": True, "issues": ["too_dark"]})
    assert "Looks malignant" in text
    assert "Too dark" in text
    assert "not fit" not in text


def test_probability_and_threshold_never_contradict_the_decision() -> None:
    text = _shown(decision="benign", probability=0.0996, operating_point=POINT | {"threshold": 0.1})
    assert "Looks benign" in text
    assert "Probability of malignancy 9.96 %, which is below the threshold of 10.00 %." in text
