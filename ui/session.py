"""What one browser window has asked so far. It is in memory, and gone when the window is closed."""

from dataclasses import dataclass, field, replace

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ui import pictures
from ui.asking import Asked, Pathology, Question, ask
from ui.frame import service


@dataclass
class Session:
    """Everything that was asked.

    Attributes:
        history: In the order in which it was asked.
        pathology: File -> what was found of its lesion.
    """

    history: list[Asked] = field(default_factory=list)
    pathology: dict[str, Pathology] = field(default_factory=dict)
    known: dict[tuple[str, Question], Asked] = field(default_factory=dict)
    previews: dict[str, bytes | None] = field(default_factory=dict)


def session() -> Session:
    """The one of this window."""
    found: Session = st.session_state.setdefault("melanoserve", Session())
    return found


def answers(files: list[UploadedFile], question: Question) -> list[Asked]:
    """Each file's answer, in their order; what was asked before is not asked again.

    Args:
        files: As they were uploaded.
        question: How to ask; what pathology found is added for each file.
    """
    now = session()
    missing = [file for file in files if (file.file_id, _of(file, question)) not in now.known]
    bar = st.progress(0.0, text=_progress(0, len(missing))) if len(missing) > 1 else None
    for number, file in enumerate(missing, start=1):
        asked = ask(service(), file.name, file.getvalue(), _of(file, question))
        now.known[file.file_id, _of(file, question)] = asked
        now.history.append(asked)
        if bar is not None:
            bar.progress(number / len(missing), text=_progress(number, len(missing)))
    if bar is not None:
        bar.empty()
    return [now.known[file.file_id, _of(file, question)] for file in files]


def forget_failures() -> None:
    """Lets what failed be asked again."""
    now = session()
    now.known = {key: asked for key, asked in now.known.items() if asked.trouble is None}


def forget() -> None:
    """Forgets everything that was asked, and starts with empty pages."""
    st.session_state.clear()


def preview(file: UploadedFile, asked: Asked) -> bytes | None:
    """The picture to look at, if it was answered and can be shown as the service saw it."""
    previews = session().previews
    if asked.image is None:
        return None
    if file.file_id not in previews:
        previews[file.file_id] = pictures.preview(file.getvalue(), asked.image.width, asked.image.height)
    return previews[file.file_id]


def _of(file: UploadedFile, question: Question) -> Question:
    return replace(question, pathology=session().pathology.get(file.file_id, Pathology()))


def _progress(done: int, images: int) -> str:
    return f"{done} of {images} images answered"
