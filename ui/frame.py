"""What every page has: the notice, whether the service answers, and the way to ask it."""

from pathlib import Path

import streamlit as st

from client import Client, MelanoserveError, Patience
from ui import markup, words
from ui.settings import Settings, SettingsError, read_settings

ICON = Path(__file__).with_name("icon.png")
NOTICE = "For research use only. Not a medical device, not for use in diagnostic procedures."


def draw() -> None:
    """Notice and state of the service."""
    css = Path(__file__).with_name("frame.css").read_text("utf-8")
    st.html(f"<style>{css}</style>")
    st.html(f'<p class="research-use" role="note">{NOTICE}</p>')
    try:
        settings()
    except SettingsError as error:
        st.error(str(error))
        st.stop()
    _state()


@st.cache_resource
def settings() -> Settings:
    """Where the service is."""
    return read_settings()


@st.cache_resource
def service() -> Client:
    """The client that all who look at the page share."""
    found = settings()
    return Client(found.url, key=found.key, patience=Patience(attempts=3))


@st.cache_resource
def _prober() -> Client:
    return Client(settings().url, key=settings().key, timeout=3, patience=Patience(attempts=1))


def _state() -> None:
    """Says only what is not as it should be. Not by a clock: what Streamlit draws anew closes a list that is open."""
    try:
        _prober().ready()
    except MelanoserveError as error:
        st.error(markup.plain(words.trouble(error)))
        st.button("Look again", help="Looks again whether the service answers.")
