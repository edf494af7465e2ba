import numpy as np
import pytest
from pydantic import ValidationError

from dermoscopy.quality import Measures, measure_pixels
from model_store.gate import crossed, issues, learned, measures_hair, values
from model_store.manifest import Issue, Limit, Measure
from tests.tiny_models import GREY, picture

GOOD = Measures(
    sharpness=0.7, light=180, whiteness=160, side=224, hair=0.0, glare=0.0, contrast=80, colour=40, redness=0.3,
    elongation=1.33,
)  # fmt: skip
DARK = Limit(issue="too_dark", measure="light", least=90)
GLARE = Limit(issue="glare", measure="glare", most=0.3)


def test_a_limit_itself_is_not_beyond_it() -> None:
    assert not crossed(DARK, np.float64(90))
    assert not crossed(GLARE, np.float64(0.3))
    assert crossed(DARK, np.array([89.9, 90.1])).tolist() == [True, False]
    assert crossed(GLARE, np.array([0.29, 0.31])).tolist() == [False, True]


def test_what_is_no_number_crosses_every_limit() -> None:
    assert crossed(DARK, np.float64(np.nan))
    assert crossed(GLARE, np.float64(np.nan))


def test_issues_come_in_the_order_of_the_limits() -> None:
    found = values(GOOD, {"dermoscopic": 0.9}) | {"light": 10.0, "glare": 0.5}
    assert issues([GLARE, DARK], found) == ["glare", "too_dark"]
    assert issues([GLARE, DARK], values(GOOD, {"dermoscopic": 0.9})) == []


def test_an_issue_that_two_limits_tell_of_is_one() -> None:
    nearly = Limit(issue="too_dark", measure="whiteness", least=170)
    assert issues([DARK, GLARE, nearly], values(GOOD, {}) | {"light": 10.0}) == ["too_dark"]


@pytest.mark.parametrize(
    ("issue", "measure", "wrong", "right"),
    [("grey", "colour", 0.0, 2.4), ("wrong_colours", "redness", -0.3, 0.0), ("elongated", "elongation", 2.67, 2.2)],
)
def test_what_none_has_learned_from_is_unfit_for_every_gate_and_told_where_nothing_else_is_wrong(
    issue: Issue, measure: Measure, wrong: float, right: float
) -> None:
    found = values(GOOD, {"dermoscopic": 0.9}) | {measure: wrong}
    assert issues([], found) == issues([GLARE, DARK], found) == [issue]
    assert issues([GLARE, DARK], found | {"light": 10.0}) == ["too_dark"]
    assert issues([GLARE], found | {measure: right}) == []


def test_a_version_may_be_stricter_than_what_holds_for_all() -> None:
    stricter = Limit(issue="wrong_colours", measure="redness", least=0.05)
    assert issues([stricter], values(GOOD, {}) | {"redness": 0.0}) == ["wrong_colours"]
    assert issues([stricter], values(GOOD, {}) | {"redness": 0.0, "elongation": 4.0}) == ["wrong_colours"]


@pytest.mark.parametrize("sides", [{}, {"least": 1.0, "most": 2.0}])
def test_a_limit_has_one_side(sides: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="either least or most"):
        Limit.model_validate({"issue": "glare", "measure": "glare"} | sides)


def test_only_outputs_that_limits_are_on_are_asked_for() -> None:
    ruler = Limit(issue="ruler", measure="free_of_ruler", least=0.2)
    assert learned([GLARE, DARK]) == []
    assert learned([GLARE, ruler]) == ["free_of_ruler"]
    assert issues([ruler, GLARE], values(GOOD, {"free_of_ruler": 0.1})) == ["ruler"]


def test_hair_is_measured_where_a_limit_is_on_it_and_never_passes_unmeasured() -> None:
    hairy = Limit(issue="hair", measure="hair", most=0.5)
    assert measures_hair([Limit(issue="too_dark", measure="light", least=10.0), hairy])
    assert not measures_hair([Limit(issue="hair", measure="free_of_hair", least=0.5)])
    unmeasured = measure_pixels(picture(GREY), 224, hair=False)
    assert issues([hairy], values(unmeasured, {})) == ["hair"]
