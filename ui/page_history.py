"""What was asked in this window, to look at and to take away."""

import streamlit as st

from ui import markup, records, session


def show() -> None:
    """Draws the page."""
    st.title("History", anchor=False)
    history = session.session().history
    st.write("What this window has asked. It is kept in memory only, without the images, until the window is closed.")
    if not history:
        st.info("Nothing was asked yet.")
        return
    with st.container(horizontal=True):
        st.download_button("Save as CSV", records.as_csv(history), "melanoserve.csv", "text/csv", on_click="ignore")
        st.download_button(
            "Save as JSON", records.as_json(history), "melanoserve.json", "application/json", on_click="ignore"
        )
        st.button("Forget everything", on_click=session.forget)
    rows = [{"Image": "", "Time (UTC)": f"{asked.when:%H:%M:%S}"} | records.brief(asked) for asked in history]
    st.html(markup.table(rows[::-1], "Everything that was asked, the latest first"))
