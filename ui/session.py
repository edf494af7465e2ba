"""What one browser window has asked so far. It is in memory, and gone when the window is closed."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from client import ClassifyAnswer, Client, GradeAnswer, MelanoserveError
from client.fhir import Bundle
from ui import exporting, pictures
from ui.asking import Asked, Pathology, Question, ask
from ui.exporting import Reported
from ui.frame import service

Form = TypeVar("Form", Bundle, Reported)

Key = tuple[str, Question]
"""A file, and how it was asked about."""

Picture = tuple[str, int | None]
"""A file, and which of its frames; two of them may show two lesions."""


@dataclass
class Session:
    """Everything that was asked.

    Attributes:
        history: In the order in which it was asked.
        pathology: Picture -> what was found of its lesion.
        frames: DICOM file -> which of its frames is meant.
        bundles: The answers that were wanted in FHIR, or why there are none.
        reports: The same in DICOM.
    """

    history: list[Asked] = field(default_factory=list)
    pathology: dict[Picture, Pathology] = field(default_factory=dict)
    frames: dict[str, int] = field(default_factory=dict)
    known: dict[Key, Asked] = field(default_factory=dict)
    bundles: dict[Key, Bundle | MelanoserveError] = field(default_factory=dict)
    reports: dict[Key, Reported | MelanoserveError] = field(default_factory=dict)
    previews: dict[str, bytes | None] = field(default_factory=dict)


def session() -> Session:
    """The one of this window."""
    found: Session = st.session_state.setdefault("melanoserve", Session())
    return found


def answers(files: list[UploadedFile], question: Question) -> list[Asked]:
    """Each file's answer, in their order; what was asked before is not asked again.

    Args:
        files: As they were uploaded.
        question: How to ask; what pathology found and which frame is meant is added for each file.
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
    now.bundles = {key: one for key, one in now.bundles.items() if not isinstance(one, MelanoserveError)}
    now.reports = {key: one for key, one in now.reports.items() if not isinstance(one, MelanoserveError)}


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


def bundle(file: UploadedFile, asked: Asked) -> Bundle | MelanoserveError:
    """An answer in FHIR, asked for once, so that saving it twice does not make two of it; or why there is none."""
    return _once(session().bundles, exporting.bundle, file, asked)


def reported(file: UploadedFile, asked: Asked) -> Reported | MelanoserveError:
    """An answer about a DICOM file in DICOM, asked for once; or why there is none."""
    return _once(session().reports, exporting.reported, file, asked)


def _once(
    kept: dict[Key, Form | MelanoserveError],
    ask_for: Callable[[Client, bytes, GradeAnswer | ClassifyAnswer, Question], Form],
    file: UploadedFile,
    asked: Asked,
) -> Form | MelanoserveError:
    key = (file.file_id, asked.question)
    if asked.answer is None:
        raise ValueError("nothing was answered")
    if key not in kept:
        try:
            kept[key] = ask_for(service(), file.getvalue(), asked.answer, asked.question)
        except MelanoserveError as error:
            kept[key] = error
    return kept[key]


def _of(file: UploadedFile, question: Question) -> Question:
    """How a file is asked about. With what pathology found it is asked of the version that graded it before: what it
    says of the picture must not change for it, as it would where `canary` has a share, or a label moved meanwhile."""
    now = session()
    plain = replace(question, frame=now.frames.get(file.file_id))
    found = now.pathology.get((file.file_id, plain.frame), Pathology())
    before = now.known.get((file.file_id, plain))
    if found == Pathology() or before is None or before.graded is None:
        return replace(plain, pathology=found)
    return replace(plain, pathology=found, version=before.graded.model.version)


def _progress(done: int, images: int) -> str:
    return f"{done} of {images} images answered"
