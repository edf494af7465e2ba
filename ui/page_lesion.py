"""Several images of one lesion, side by side."""

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ui import answer_view, export_view, frames, markup, overlay, session, words
from ui.asking import Asked
from ui.page_images import options, pick

COLUMNS = 3


def show() -> None:
    """Draws the page."""
    st.title("One lesion", anchor=False)
    files = pick("lesion", "Images of one and the same lesion")
    question = options()
    if not files:
        st.info("Drop two or more images of one lesion above: other moments, other magnifications, polarised or not.")
        return
    found = session.answers(files, question)
    if any(asked.trouble is not None and asked.trouble.retryable for asked in found):
        st.button("Ask again", on_click=session.forget_failures)
    st.markdown(markup.plain(summary(found)))
    st.caption("Each picture is answered by itself. No mean is shown: nothing measured what one would be worth.")
    st.caption(overlay.CAPTION)
    for start in range(0, len(files), COLUMNS):
        row = list(zip(files, found, strict=True))[start : start + COLUMNS]
        for column, (file, asked) in zip(st.columns(COLUMNS), row, strict=False):
            with column, st.container(border=True):
                _one(file, asked)


def _one(file: UploadedFile, asked: Asked) -> None:
    st.markdown(f"**{markup.plain(asked.title)}**")
    answer_view.picture(file, asked, caption="")
    answer_view.trouble(file, asked)
    frames.show(file, asked)
    if asked.classification is not None:
        answer_view.verdict(asked.classification)
        answer_view.quality(asked.classification)
    if asked.graded is not None and asked.graded.grade is not None:
        answer_view.resembles(asked.graded.grade)
    elif asked.graded is not None:
        st.caption(markup.plain(f"No stage grade is given. {asked.graded.grade_withheld or ''}".strip()))
    export_view.show(file, asked)


def summary(found: list[Asked]) -> str:
    """How the answers agree, in words."""
    said = [asked.classification for asked in found if asked.classification is not None]
    counts = [(name, sum(one.decision == name for one in said)) for name in ("malignant", "benign", "abstained")]
    parts = [f"{count} {'not answered' if name == 'abstained' else name}" for name, count in counts if count]
    failed = len(found) - len(said)
    parts += [f"{failed} without an answer"] if failed else []
    text = f"Of {len(found)} images: {', '.join(parts)}."
    shares = [one.probability for one in said if one.probability is not None]
    if len(shares) > 1:
        text += f" Probabilities of malignancy from {words.percent(min(shares))} to {words.percent(max(shares))}."
    if len({one.model.sha256 for one in said}) > 1:
        versions = ", ".join(sorted({f"{one.model.name}/{one.model.version}" for one in said}))
        text += f" They are answers of several versions ({versions}), which cannot be compared."
    return text
