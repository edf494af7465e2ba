"""The first page: one image or many, each with its answer."""

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ui import answer_view, markup, session, words
from ui.asking import Asked, Question
from ui.manifests import points
from ui.records import brief

KINDS = "JPEG, PNG, TIFF, WebP, BMP or DICOM"


def show() -> None:
    """Draws the page."""
    st.title("Images", anchor=False)
    files = pick("images", "Dermoscopic images, each of one lesion")
    question = options()
    if not files:
        st.info("Drop images above or take a photograph, to see how each looks to the model.")
        return
    found = session.answers(files, question)
    if any(asked.trouble is not None and asked.trouble.retryable for asked in found):
        st.button("Ask again", on_click=session.forget_failures)
    if len(files) == 1:
        answer_view.show(files[0], found[0])
    else:
        _many(files, found)


def pick(key: str, label: str) -> list[UploadedFile]:
    """Lets images be dropped, chosen or photographed.

    Args:
        key: Of the page.
        label: What is asked for.
    """
    # Of any name: files of an archive often have no ending. What a file is, the service says by its content.
    files = st.file_uploader(f"{label} ({KINDS})", accept_multiple_files=True, key=f"{key}-files")
    if st.toggle("Use the camera of this device", key=f"{key}-camera-on"):
        photograph = st.camera_input("Photograph", key=f"{key}-camera")
        files += [] if photograph is None else [photograph]
    return files


def options() -> Question:
    """How to ask, as far as whoever looks at the page decides it."""
    with st.expander("Options"):
        point = st.selectbox(
            "Operating point",
            [None, *points()],
            format_func=lambda name: "The version's default" if name is None else words.title(name),
            help="A choice between missing malignant lesions and raising false alarms at benign ones.",
            key="operating-point",
            persist_state="session",
        )
        always = st.checkbox(
            "Show the stage grade also where it would mislead",
            help="The service then says with each why it would have been withheld.",
            key="always",
            persist_state="session",
        )
    return Question(point, always)


def _many(files: list[UploadedFile], found: list[Asked]) -> None:
    answered = sum(asked.answer is not None for asked in found)
    st.header(f"{answered} of {len(files)} images answered", anchor=False)
    st.html(markup.table([brief(asked) for asked in found], "What was said of each image"))
    names = [f"{number}. {file.name}" for number, file in enumerate(files, start=1)]
    chosen = st.selectbox("Look at one of them", range(len(files)), format_func=names.__getitem__)
    answer_view.show(files[chosen], found[chosen])
