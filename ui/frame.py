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
        service()
    except SettingsError as error:
        st.error(markup.plain(str(error)))
        st.stop()
    except MelanoserveError as error:
        st.error(markup.plain(f"MELANOSERVE_URL or MELANOSERVE_KEY cannot be used: {error}."))
        st.stop()
    _state()


@st.cache_resource
def settings() -> Settings:
    """Where the service is."""
    return read_settings()


def asker(where: Settings, *, attempts: int, key: str | None = None, timeout: float = 60.0) -> Client:
    """A client of the service, which stands beside the page: it is asked by no proxy, which would see every image.

    Args:
        where: The service is.
        attempts: How often it asks at most.
        key: Another key than the page's own.
        timeout: Seconds for one attempt.
    """
    patience = Patience(attempts=attempts)
    return Client(where.url, key=key or where.key, timeout=timeout, patience=patience, use_proxy=False)


@st.cache_resource
def service() -> Client:
    """The client that all who look at the page share."""
    return asker(settings(), attempts=3)


@st.cache_resource
def _prober() -> Client:
    return asker(settings(), attempts=1, timeout=3)


def _state() -> None:
    """Says only what is not as it should be. Not by a clock: what Streamlit draws anew closes a list that is open."""
    try:
        _prober().ready()
    except MelanoserveError as error:
        st.error(markup.plain(words.trouble(error)))
        st.button("Look again", help="Looks again whether the service answers.")
