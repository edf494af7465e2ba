"""The form for what pathology found, and the AJCC stage that the service computes from it."""

import re
from decimal import Decimal

import streamlit as st

from client import Ajcc
from ui import markup
from ui.asking import Pathology
from ui.session import Picture, session

UNKNOWN = "not known"
ULCERATED = {UNKNOWN: None, "yes": True, "no": False}
N = (UNKNOWN, "N0", "N1", "N1a", "N1b", "N1c", "N2", "N2a", "N2b", "N2c", "N3", "N3a", "N3b", "N3c", "NX")
M = (UNKNOWN, "M0", "M1", "M1a", "M1b", "M1c", "M1d")
NO_THICKNESS = (
    "The Breslow thickness must be a number from 0 to 100 with at most three digits after the point, like 0.8. "
    "Nothing was changed."
)
_THICKNESS = re.compile(r"[0-9]+(\.[0-9]{0,3})?|\.[0-9]{1,3}")


def show(picture: Picture, ajcc: Ajcc | None) -> None:
    """Draws the form, and what became of it.

    Args:
        picture: That of the lesion.
        ajcc: What the service computed, None if it was told nothing.
    """
    st.header("AJCC stage from pathology", anchor=False)
    if ajcc is not None:
        unknown = "cannot be said"
        left, right = st.columns(2)
        left.metric("T category", ajcc.t_category or unknown, border=True)
        right.metric("Clinical stage group", ajcc.clinical_stage_group or unknown, border=True)
        st.caption(markup.plain(f"{ajcc.edition}. {ajcc.basis}"))
    with st.expander("Enter what pathology found"), st.form(f"pathology-{picture[0]}-{picture[1]}"):
        st.caption("No picture shows a clinical stage: it is computed from these four alone.")
        if (entered := _entered(session().pathology.get(picture, Pathology()))) is not None:
            session().pathology[picture] = entered
            st.rerun()


def thickness(text: str) -> Decimal | None:
    """The thickness in mm, exactly as it was typed: the service rounds it, once, and only 0 is in situ.

    Returns:
        None where nothing was typed.

    Raises:
        ValueError: It is none, with what is wrong with it.
    """
    typed = text.strip().replace(",", ".")
    if not typed:
        return None
    # No more digits than the service takes, whose refusal would leave no form to correct them in.
    if not _THICKNESS.fullmatch(typed) or Decimal(typed) > 100:
        raise ValueError(NO_THICKNESS)
    return Decimal(typed)


def _entered(known: Pathology) -> Pathology | None:
    """The fields, filled in with what counts now; all four once they are sent, None before or where one is wrong."""
    # A text and no number: what Streamlit makes of a number is no longer what was typed.
    breslow = st.text_input(
        "Breslow thickness in mm (0 is in situ)", "" if known.breslow_mm is None else f"{known.breslow_mm:f}"
    )
    ulcerated = st.radio("Ulcerated", list(ULCERATED), list(ULCERATED.values()).index(known.ulcerated), horizontal=True)
    n = st.selectbox("N category", N, N.index(known.n or UNKNOWN))
    m = st.selectbox("M category", M, M.index(known.m or UNKNOWN))
    if not st.form_submit_button("Compute the stage"):
        return None
    try:
        found = thickness(breslow)
    except ValueError as error:
        st.error(str(error))
        return None
    return Pathology(found, ULCERATED[ulcerated], None if n == UNKNOWN else n, None if m == UNKNOWN else m)
