"""What the form makes of what is entered; that the service then stages it is looked at in a browser."""

from decimal import Decimal

import pytest
from streamlit.testing.v1 import AppTest

from service.ajcc import Pathology as Sent
from service.ajcc import stage
from service.parameters import GradeQuery
from ui.asking import Pathology
from ui.pathology_form import NO_THICKNESS, thickness
from ui.session import Picture, Session

pytestmark = pytest.mark.usefixtures("main_module")

PICTURE: Picture = ("the-file", None)
FOUND = Pathology(Decimal("0.749"), ulcerated=False, n="N1a", m="M0")


def _draw(picture: "Picture") -> None:
    from ui import pathology_form  # noqa: PLC0415 - Streamlit runs the text of this function

    pathology_form.show(picture, None)


def _shown(known: dict[Picture, Pathology], picture: Picture = PICTURE) -> AppTest:
    app = AppTest.from_function(_draw, args=(picture,))
    app.session_state["melanoserve"] = Session(pathology=known)
    app.run(timeout=180)
    assert not app.exception
    return app


def _fields(app: AppTest) -> tuple[str | None, ...]:
    return app.text_input[0].value, app.radio[0].value, app.selectbox[0].value, app.selectbox[1].value


def _entered(breslow: str, ulcerated: str, n: str, m: str) -> Pathology:
    known: dict[Picture, Pathology] = {}
    app = _shown(known)
    app.text_input[0].set_value(breslow)
    app.radio[0].set_value(ulcerated)
    app.selectbox[0].set_value(n)
    app.selectbox[1].set_value(m)
    app.button[0].click().run(timeout=180)
    assert not app.exception
    return known[PICTURE]


def test_what_is_not_known_is_nothing_and_not_a_no() -> None:
    assert _entered("", "not known", "not known", "not known") == Pathology()


@pytest.mark.parametrize(("ulcerated", "meant"), [("yes", True), ("no", False)])
def test_what_is_known_is_asked_as_it_was_entered(ulcerated: str, meant: bool) -> None:
    assert _entered("0.749", ulcerated, "N1a", "M0") == Pathology(Decimal("0.749"), meant, "N1a", "M0")


@pytest.mark.parametrize(
    ("typed", "sent", "t"),
    [
        ("0", "0", "Tis"),
        ("0.000", "0.000", "Tis"),
        ("0.004", "0.004", "T1a"),  # which 0.00 would not be
        (" 0,749 ", "0.749", "T1a"),  # which 0.75 would not be
        ("0.75", "0.75", "T1b"),
        (".8", "0.8", "T1b"),
        ("1.", "1", "T1b"),
        ("100.000", "100.000", "T4a"),
    ],
)
def test_a_thickness_is_sent_as_it_was_typed_and_rounded_once(typed: str, sent: str, t: str) -> None:
    found = thickness(typed)
    assert str(found) == sent
    taken = GradeQuery.model_validate({"breslow_mm": str(found)}).breslow_mm
    staged = stage(Sent(taken, ulcerated=False))
    assert staged is not None
    # From 0.8 mm on it is T1b whether or not it is ulcerated.
    assert staged.t_category == t


@pytest.mark.parametrize("typed", ["0.0004", "1e-05", "-1", "100.001", "nan", "1_0", "0.8 mm", "1.2.3", ".", "\u0661"])
def test_what_is_no_thickness(typed: str) -> None:
    with pytest.raises(ValueError, match="must be a number") as refused:
        thickness(typed)
    assert str(refused.value) == NO_THICKNESS


@pytest.mark.parametrize("typed", ["1e-05", "0.8 mm"])
def test_what_is_no_thickness_changes_nothing_and_that_is_told(typed: str) -> None:
    known = {PICTURE: FOUND}
    app = _shown(known)
    app.text_input[0].set_value(typed)
    app.selectbox[0].set_value("N2")
    app.button[0].click().run(timeout=180)
    assert not app.exception
    assert [error.value for error in app.error] == [NO_THICKNESS]
    assert known == {PICTURE: FOUND}
    assert _fields(app) == (typed, "no", "N2", "M0")  # to be corrected


def test_the_form_shows_what_counts_and_one_change_keeps_the_rest() -> None:
    known = {PICTURE: FOUND}
    app = _shown(known)
    assert _fields(app) == ("0.749", "no", "N1a", "M0")
    app.selectbox[1].set_value("M1a")
    app.button[0].click().run(timeout=180)
    assert known == {PICTURE: Pathology(Decimal("0.749"), ulcerated=False, n="N1a", m="M1a")}
    assert _fields(app) == ("0.749", "no", "N1a", "M1a")
    app.text_input[0].set_value("")
    app.button[0].click().run(timeout=180)
    assert known[PICTURE].breslow_mm is None


def test_another_frame_has_a_form_of_its_own() -> None:
    first, second = ("the-file", 1), ("the-file", 2)
    assert _fields(_shown({first: FOUND}, second)) == ("", "not known", "not known", "not known")
    assert _fields(_shown({first: FOUND}, first)) == ("0.749", "no", "N1a", "M0")
