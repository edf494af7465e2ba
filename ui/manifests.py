"""What the versions say of themselves, asked once for each digest: a version never changes."""

import streamlit as st

from client import Manifest, MelanoserveError, Model
from ui.frame import service


@st.cache_data(max_entries=100, show_spinner=False)
def _manifest(name: str, version: int, digest: str) -> Manifest | None:
    found = service().version(name, version)
    return found.manifest if found.digest == digest else None


def manifest_of(model: Model) -> Manifest | None:
    """The manifest of the version that answered, or None where the service does not show it now."""
    try:
        return _manifest(model.name, model.version, model.sha256)
    except MelanoserveError:
        return None


def points() -> list[str]:
    """Names of the operating points of the classifier that is asked by default; none where nobody can say."""
    try:
        stable = service().model("classifier").labels.get("stable")
        found = None if stable is None else _manifest("classifier", stable.version, stable.digest)
    except MelanoserveError:
        return []
    return [] if found is None else [point.name for point in found.operating_points]
