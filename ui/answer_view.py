"""One image and everything that the service said of it."""

from html import escape

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from client import Classification, Grade, GradeAnswer, Problem
from client.dicom import MEDIA_TYPE as DICOM
from ui import dicom_view, export_view, frames, markup, overlay, pathology_form, prevalence_view, session, words
from ui.asking import Asked

CLASSES = {"melanoma": "Melanoma", "other_malignant": "Another malignancy or a precursor", "benign": "Benign"}


def show(file: UploadedFile, asked: Asked) -> None:
    """Draws the picture beside what was said of it.

    Args:
        file: The image.
        asked: What became of it.
    """
    said = asked.classification
    if said is None:
        trouble(file, asked)
        frames.show(file, asked)
        return
    verdict(said)
    quality(said)
    left, right = st.columns([5, 6], gap="large")
    with left:
        picture(file, asked)
        frames.show(file, asked)
        _image(asked)
        export_view.show(file, asked)
    with right:
        if said.probability is not None:  # or there is no decision, which what follows is about
            _point(said)
            prevalence_view.show(said)
        _grade(asked)
        if asked.graded is not None:
            pathology_form.show((file.file_id, asked.question.frame), asked.graded.ajcc)
        _provenance(asked)


def trouble(file: UploadedFile, asked: Asked) -> None:
    """Says why there is no answer, and what to do.

    Args:
        file: The image.
        asked: What became of it.
    """
    if asked.trouble is None:
        return
    if frames.unclear(file, asked.trouble):
        st.info(f"**{markup.plain(asked.title)}** {markup.plain(words.several(asked.trouble))}")
        return
    st.error(f"**{markup.plain(asked.title)}** {markup.plain(words.trouble(asked.trouble))}")
    if found := words.reference(asked.trouble):
        st.caption(markup.plain(f"For whoever runs the service: {found}"))


def picture(file: UploadedFile, asked: Asked, *, caption: str = overlay.CAPTION) -> None:
    """Draws the picture, under its heatmap if there is one.

    Args:
        file: The image.
        asked: What became of it.
        caption: What the heatmap shows.
    """
    said, image = asked.classification, asked.image
    if said is None or image is None:
        return
    heatmap = None if said.explanation is None else said.explanation.heatmap
    if image.media_type == DICOM:
        dicom_view.picture(file, asked, heatmap, image, caption=caption)
        return
    found = session.preview(file, asked)
    if found is None:
        st.info("This page cannot show the picture; the answer is about the file as the service read it.")
        return
    overlay.draw(found, heatmap, image, key=file.file_id, caption=caption)


def verdict(said: Classification) -> None:
    """The decision, and the probability behind it."""
    if said.probability is None:
        under = "The service gave no probability for this picture."
    else:
        side = "reaches" if said.decision == "malignant" else "is below"
        # Rounded alike, the two would contradict the decision.
        probability, threshold = words.apart(said.probability, said.operating_point.threshold)
        under = f"Probability of malignancy {probability}, which {side} the threshold of {threshold}."
        if said.calibrated_for_prevalence is not None:
            under += f" Calibrated for a prevalence of {words.percent(said.calibrated_for_prevalence)}."
    st.html(
        f'<p class="verdict {escape(said.decision)}"><strong>{words.DECISIONS[said.decision]}</strong>'
        f"{escape(under)}</p>"
    )


def quality(said: Classification) -> None:
    """What is wrong with the picture, and how to take a better one."""
    if said.quality is None:
        return
    if said.quality.issues:
        text = "\n".join(f"- {markup.plain(words.issue(name))}" for name in said.quality.issues)
        refused = "" if said.quality.acceptable else " It is not fit to be classified."
        st.warning(f"Something is wrong with the picture.{refused}\n\n{text}")


def _point(said: Classification) -> None:
    if said.classes is not None:
        names = {CLASSES.get(name, words.title(name)): share for name, share in said.classes.items()}
        st.html(markup.shares(names, "Probabilities of the classes"))
    if said.differential:
        rows = [
            {"Suspected": one.name, "ICD-10": ", ".join(one.icd10), "Probability": words.percent(one.probability)}
            for one in said.differential
        ]
        st.html(markup.table(rows, "The likeliest diagnoses, suspected from one picture"))
    st.header("What the decision means", anchor=False)
    st.markdown(markup.plain(words.point(said.operating_point, said.probability)))
    st.caption(
        markup.plain(
            f"Operating point {said.operating_point.name}, measured on: {said.operating_point.measured_on}. On other "
            "images, and at your clinic, both figures differ."
        )
    )


def _grade(asked: Asked) -> None:
    st.header("Stage grade", anchor=False)
    graded = asked.graded
    if graded is None:
        if isinstance(asked.no_grader, Problem):
            st.warning(markup.plain(f"No grader answered. {words.trouble(asked.no_grader)}"))
        return
    if graded.grade is None:
        st.info(markup.plain(f"No grade is given. {graded.grade_withheld or ''}".strip()))
        return
    grade = graded.grade
    stage = str(grade.stage)
    resembles(grade)
    names = {f"{name}: {grade.meaning.get(name, '')}": share for name, share in grade.probabilities.items()}
    st.html(markup.shares(names, "Probabilities of the grades"))
    st.markdown(markup.plain(f"How well grade {stage} is supported: {grade.evidence.get(stage, 'nothing is known.')}"))
    st.caption(markup.plain(grade.label_policy))
    others = [{"Grade": name, "Evidence": text} for name, text in grade.evidence.items() if name != stage]
    if others:
        with st.expander("Evidence for the other grades"):
            st.html(markup.table(others, "Evidence for the other grades"))


def resembles(grade: Grade) -> None:
    """The stage grade, that it is no clinical stage, and why it says little, if it does."""
    stage = str(grade.stage)
    st.markdown(markup.plain(f"Resembles grade {stage}: {grade.meaning.get(stage, '')}") + " — not a clinical stage.")
    if grade.caveat:
        st.warning(markup.plain(grade.caveat))


def _image(asked: Asked) -> None:
    if asked.image is None:
        return
    frame = {} if asked.image.frame is None else {"Frame": str(asked.image.frame)}
    st.html(
        markup.facts(
            {
                "File": asked.name,
                "Type": asked.image.media_type,
                **frame,
                "Size": f"{asked.image.width} x {asked.image.height} pixels",
                "SHA-256": asked.image.sha256,
            }
        )
    )


def _provenance(asked: Asked) -> None:
    said, answer = asked.classification, asked.answer
    if said is None or answer is None:
        return
    models = [said.model] + ([answer.model] if isinstance(answer, GradeAnswer) else [])
    with st.expander("Which models answered"):
        for model in models:
            st.html(
                markup.facts(
                    {
                        "Model": f"{model.name}/{model.version}, {model.runtime} {model.precision}",
                        "Digest": model.sha256,
                    }
                )
            )
        st.html(markup.facts({"Request": answer.request_id, "Answered": f"{asked.when:%Y-%m-%d %H:%M:%S} UTC"}))
    st.caption(markup.plain(answer.intended_use))
