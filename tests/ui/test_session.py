"""Against the real service: what is asked once, and what is asked again."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

from client import NotFound, Problem
from dermoscopy.dicom import syntaxes
from tests.dermoscopy.dicom_files import coded, jpeg_ls, native
from tests.shipped import recent
from tests.ui.conftest import SAMPLE
from ui.asking import Asked, Pathology, Question
from ui.session import answers, bundle, forget, forget_failures, preview, reported, session

pytestmark = pytest.mark.usefixtures("connected")


def uploaded(name: str, data: bytes) -> UploadedFile:
    return UploadedFile(UploadedFileRec(name, name, "", data), FileURLs())


PICTURE = uploaded("sample.png", SAMPLE.read_bytes())
BROKEN = uploaded("broken.jpg", b"\xff\xd8\xff broken")
PIXELS = np.asarray(Image.open(SAMPLE).convert("RGB"))
DICOM = uploaded("IM000001", native(PIXELS))
SEVERAL = uploaded("IM000002", coded([jpeg_ls(PIXELS), jpeg_ls(PIXELS[::-1])], PIXELS, "RGB", syntaxes.JPEG_LS))


@pytest.fixture(autouse=True)
def window() -> Iterator[None]:
    """A new one for each test; without `streamlit run` there is one for the whole process."""
    st.session_state.clear()
    yield
    st.session_state.clear()


def asked_of(file: UploadedFile) -> Asked:
    (asked,) = answers([file], Question())
    return asked


def test_what_was_answered_is_not_asked_again_and_what_failed_only_on_request() -> None:
    first, second = answers([PICTURE, BROKEN], Question())
    assert first.answer is not None
    assert isinstance(second.trouble, Problem)
    assert second.trouble.code == "corrupt_image"
    again = answers([BROKEN, PICTURE], Question())
    assert again[0] is second
    assert again[1] is first
    forget_failures()
    third, fourth = answers([PICTURE, BROKEN], Question())
    assert third is first
    assert fourth is not second
    assert session().history == [first, second, fourth]


def test_another_question_about_a_file_is_another_answer() -> None:
    before = asked_of(PICTURE)
    session().pathology[PICTURE.file_id, None] = Pathology(Decimal("1.4"), ulcerated=False, n="N0", m="M0")
    staged = asked_of(PICTURE)
    assert before.graded is not None
    assert before.graded.ajcc is None
    assert staged.graded is not None
    assert staged.graded.ajcc is not None
    assert staged.graded.ajcc.t_category == "T2a"
    del session().pathology[PICTURE.file_id, None]
    assert asked_of(PICTURE) is before


def test_what_pathology_found_is_asked_of_the_version_that_graded_the_picture() -> None:
    earlier, _ = recent("grader")
    (before,) = answers([PICTURE], Question(version=earlier))
    session().known[PICTURE.file_id, Question()] = before  # as where `canary` answered, or the label moved since
    session().pathology[PICTURE.file_id, None] = Pathology(Decimal("1.4"), ulcerated=False, n="N0", m="M0")
    staged = asked_of(PICTURE)
    assert staged.graded is not None
    assert staged.graded.ajcc is not None
    assert staged.graded.model.version == earlier
    assert before.classification is not None
    assert staged.classification is not None
    assert staged.classification.probability == before.classification.probability
    session().pathology[PICTURE.file_id, None] = Pathology()
    assert asked_of(PICTURE) is before


def test_what_was_found_of_one_frame_is_not_said_of_another() -> None:
    session().frames[SEVERAL.file_id] = 1
    session().pathology[SEVERAL.file_id, 1] = Pathology(Decimal("1.4"), ulcerated=False, n="N0", m="M0")
    staged = asked_of(SEVERAL)
    session().frames[SEVERAL.file_id] = 2
    other = asked_of(SEVERAL)
    assert staged.graded is not None
    assert staged.graded.ajcc is not None
    assert other.graded is not None
    assert other.graded.ajcc is None
    assert "T2a" in str(bundle(SEVERAL, staged))
    assert "T2a" not in str(bundle(SEVERAL, other))
    session().frames[SEVERAL.file_id] = 1
    assert asked_of(SEVERAL) is staged


def test_a_window_that_is_forgotten_is_empty() -> None:
    asked_of(BROKEN)
    forget()
    assert (session().history, session().known) == ([], {})


def test_only_a_picture_that_was_answered_is_shown() -> None:
    shown = preview(PICTURE, asked_of(PICTURE))
    assert shown is not None
    assert preview(PICTURE, asked_of(PICTURE)) is shown
    assert preview(BROKEN, asked_of(BROKEN)) is None
    assert preview(DICOM, asked_of(DICOM)) is None  # this page reads no DICOM


def test_what_is_saved_twice_is_one_object() -> None:
    asked = asked_of(DICOM)
    assert bundle(DICOM, asked) is bundle(DICOM, asked)
    assert reported(DICOM, asked) is reported(DICOM, asked)


def test_why_something_cannot_be_saved_is_kept_until_it_is_asked_for_again() -> None:
    asked = asked_of(DICOM)
    assert asked.answer is not None
    model = asked.answer.model.model_copy(update={"version": 99})
    gone = replace(asked, answer=asked.answer.model_copy(update={"model": model}))
    for form in (bundle, reported):
        trouble = form(DICOM, gone)
        assert isinstance(trouble, NotFound)
        assert form(DICOM, gone) is trouble
        forget_failures()
        assert form(DICOM, gone) is not trouble


def test_of_what_was_not_answered_nothing_can_be_saved() -> None:
    with pytest.raises(ValueError, match="nothing was answered"):
        bundle(BROKEN, asked_of(BROKEN))
