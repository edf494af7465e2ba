"""Which picture of a DICOM file is meant, where it has several."""

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from client import MelanoserveError, Problem
from ui.asking import Asked
from ui.session import session


def is_dicom(data: bytes) -> bool:
    """Whether a file is one of DICOM, whatever it is called (PS3.10, 7.1)."""
    return data[128:132] == b"DICM"


def unclear(file: UploadedFile, trouble: MelanoserveError | None) -> bool:
    """Whether a DICOM file was not answered only because nobody said which of its frames is meant."""
    return isinstance(trouble, Problem) and trouble.code == "animated_image" and is_dicom(file.getvalue())


def show(file: UploadedFile, asked: Asked) -> None:
    """Lets a frame be chosen, if there is something to choose.

    Args:
        file: The image.
        asked: What became of it.
    """
    chosen = asked.question.frame
    if chosen is None and not unclear(file, asked.trouble):
        return
    key = f"frame-{file.file_id}"
    st.number_input(
        "Which frame of the DICOM file?",
        min_value=1,
        value=chosen,
        step=1,
        key=key,
        on_change=_choose,
        args=(file.file_id, key),
        help="The first is 1.",
    )


def _choose(file_id: str, key: str) -> None:
    frames, number = session().frames, st.session_state[key]
    if number is None:
        frames.pop(file_id, None)
    else:
        frames[file_id] = number
