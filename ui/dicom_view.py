"""The picture of a DICOM file, as the service draws it: this page reads no DICOM that others wrote."""

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from client import Image, MelanoserveError
from ui import export_view, overlay, session
from ui.asking import Asked
from ui.exporting import Reported


def picture(file: UploadedFile, asked: Asked, heatmap: bytes | None, image: Image, *, caption: str) -> None:
    """Draws the picture under its heatmap; where the service does not draw it, says so and draws the heatmap alone.

    Args:
        file: The DICOM file.
        asked: What became of it.
        heatmap: As the service answered it.
        image: What the service says of the picture.
        caption: What the heatmap shows.
    """
    found = session.reported(file, asked)
    if not isinstance(found, MelanoserveError) and found.picture is not None and heatmap is not None:
        overlay.draw_together(found.picture, heatmap, image, key=file.file_id, caption=caption)
        return
    st.info(f"This page shows the picture of a DICOM file only as the service draws it, and {_why(found)}")
    if heatmap is not None:
        overlay.draw_alone(heatmap, image, key=file.file_id, caption=caption)


def _why(found: Reported | MelanoserveError) -> str:
    if not isinstance(found, MelanoserveError):
        return "it drew none of this one."
    return f"of this one it did not: “{export_view.LABEL}” below says why."
