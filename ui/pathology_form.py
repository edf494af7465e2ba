"""The form for what pathology found, and the AJCC stage that the service computes from it."""

from decimal import Decimal

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from client import Ajcc
from ui import markup
from ui.asking import Pathology
from ui.session import session

UNKNOWN = "not known"
ULCERATED = {UNKNOWN: None, "yes": True, "no": False}
N = (UNKNOWN, "N0", "N1", "N1a", "N1b", "N1c", "N2", "N2a", "N2b", "N2c", "N3", "N3a", "N3b", "N3c", "NX")
M = (UNKNOWN, "M0", "M1", "M1a", "M1b", "M1c", "M1d")


def show(file: UploadedFile, ajcc: Ajcc | None) -> None:
    """Draws the form, and what became of it.

    Args:
        file: The image of the lesion.
        ajcc: What the service computed, None if it was told nothing.
    """
    st.header("AJCC stage from pathology", anchor=False)
    if ajcc is not None:
        unknown = "cannot be said"
        left, right = st.columns(2)
        left.metric("T category", ajcc.t_category or unknown, border=True)
        right.metric("Clinical stage group", ajcc.clinical_stage_group or unknown, border=True)
        st.caption(markup.plain(f"{ajcc.edition}. {ajcc.basis}"))
    with st.expander("Enter what pathology found"), st.form(f"pathology-{file.file_id}"):
        st.caption("No picture shows a clinical stage: it is computed from these four alone.")
        breslow = st.number_input(
            "Breslow thickness in mm (0 is in situ)", min_value=0.0, max_value=100.0, value=None, step=0.1
        )
        ulcerated = st.radio("Ulcerated", list(ULCERATED), horizontal=True)
        n = st.selectbox("N category", N)
        m = st.selectbox("M category", M)
        if st.form_submit_button("Compute the stage"):
            session().pathology[file.file_id] = Pathology(
                None if breslow is None else Decimal(f"{breslow:.2f}"),
                ULCERATED[ulcerated],
                None if n == UNKNOWN else n,
                None if m == UNKNOWN else m,
            )
            st.rerun()
