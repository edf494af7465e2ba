"""What is told where there is no manifest, or no value; the rest is looked at in a browser."""

from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from client import Classification
from client.predictive import predictive
from tests.ui.test_records import POINT, SAID
from ui.words import percent

pytestmark = pytest.mark.usefixtures("connected", "main_module")


def _draw(said: "Classification") -> None:
    from ui import prevalence_view  # noqa: PLC0415 - Streamlit runs the text of this function

    prevalence_view.show(said)


def _shown(**changes: Any) -> AppTest:
    """Of a version that the service does not have."""
    app = AppTest.from_function(_draw, args=(Classification.model_validate(SAID | changes),)).run(timeout=180)
    assert not app.exception
    return app


def test_without_a_manifest_nothing_is_told_before_somebody_says_the_prevalence() -> None:
    app = _shown()
    assert app.number_input[0].value is None
    assert not app.metric
    app.number_input[0].set_value(5.0).run(timeout=180)
    said = Classification.model_validate(SAID)
    found = predictive(said.operating_point, 0.05)
    assert [metric.value for metric in app.metric] == [percent(found.positive.value), percent(found.negative.value)]
    told = " ".join(element.value for element in app.markdown)
    assert "Of 1000 lesions about 50 would be malignant, of which about 2.5 would be missed" in told
    assert "of the benign ones about 380 would be called malignant" in told
    assert "shifted" not in told  # from which prevalence, nobody knows


def test_a_few_lesions_are_not_rounded_to_none() -> None:
    app = _shown(operating_point=POINT | {"specificity": 0.9999, "specificity_ci": [0.99, 1.0]})
    app.number_input[0].set_value(0.15).run(timeout=180)
    told = " ".join(element.value for element in app.markdown)
    assert "Of 1000 lesions about 1.5 would be malignant, of which fewer than 1 would be missed" in told
    assert "of the benign ones fewer than 1 would be called malignant" in told


def test_a_point_that_calls_nothing_malignant_has_no_value_and_that_is_told() -> None:
    app = _shown(operating_point=POINT | {"sensitivity": 0.0, "specificity": 1.0})
    app.number_input[0].set_value(5.0).run(timeout=180)
    assert not app.exception
    assert not app.metric
    assert "calls everything the same" in app.info[0].value


@pytest.mark.parametrize(("calibrated", "value"), [(0.0002, 0.1), (0.2, 20.0), (0.9999, 99.0)])
def test_it_begins_with_the_prevalence_of_the_calibration_where_that_can_be_typed(
    monkeypatch: pytest.MonkeyPatch, calibrated: float, value: float
) -> None:
    manifest = SimpleNamespace(calibration=SimpleNamespace(prevalence=calibrated))
    monkeypatch.setattr("ui.prevalence_view.manifest_of", lambda _: manifest)
    assert _shown().number_input[0].value == value
