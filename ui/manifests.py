"""What the versions say of themselves, asked once for each digest: a version never changes."""

import streamlit as st

from client import Manifest, MelanoserveError, Model
from ui.frame import service


class _NotShownNow(Exception):
    """Raised and not returned, because what is returned is kept for good and for everybody."""


@st.cache_data(max_entries=100, show_spinner=False)
def _manifest(name: str, version: int, digest: str) -> Manifest:
    found = service().version(name, version)
    if found.manifest is None or found.digest != digest:
        raise _NotShownNow  # one that is refused, or being tried at the moment, has no digest
    return found.manifest


def manifest_of(model: Model) -> Manifest | None:
    """The manifest of the version that answered, or None where the service does not show it now."""
    try:
        return _manifest(model.name, model.version, model.sha256)
    except (MelanoserveError, _NotShownNow):
        return None


def points() -> list[str]:
    """Names of the operating points of the classifier that is asked by default; none where nobody can say."""
    try:
        stable = service().model("classifier").labels.get("stable")
        if stable is None:
            return []
        found = _manifest("classifier", stable.version, stable.digest)
    except (MelanoserveError, _NotShownNow):
        return []
    return [point.name for point in found.operating_points]
