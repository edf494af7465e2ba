"""What a decision is worth at the clinic's own prevalence."""

import streamlit as st

from client import Classification, OperatingPoint
from client.predictive import SOURCE, Estimate, predictive, shifted
from ui import markup, words
from ui.manifests import manifest_of

LEAST, MOST = 0.1, 99.0
"""Of a hundred lesions; what a clinic can say of itself."""


def show(said: Classification) -> None:
    """Asks for the prevalence, and says what it makes of the decision.

    Args:
        said: What the service said of an image.
    """
    st.header("At your clinic", anchor=False)
    calibrated = _calibrated(said)
    share = st.number_input(
        "Of 100 lesions that you photograph, how many are malignant?",
        min_value=LEAST,
        max_value=MOST,
        value=None if calibrated is None else min(max(round(100 * calibrated, 1), LEAST), MOST),
        step=0.5,
        format="%.1f",
        key="prevalence",
        persist_state="session",
        help="The prevalence. At first it is that for which the model's probability is calibrated, not yours.",
    )
    if share is None:
        return
    prevalence = share / 100
    _values(said.operating_point, prevalence)
    if said.probability is not None and calibrated is not None and abs(calibrated - prevalence) > 5e-4:
        there = shifted(said.probability, calibrated, prevalence)
        st.markdown(
            markup.plain(
                f"The probability of {words.percent(said.probability)} is calibrated for a prevalence of "
                f"{words.percent(calibrated)}; shifted to yours it is {words.percent(there)}."
            )
        )
    st.caption(
        markup.plain(
            f"Computed by this page with Bayes' theorem ({SOURCE}) from the sensitivity and specificity above, at the "
            "ends of their 95 % intervals; not measured at your clinic."
        )
    )


def _calibrated(said: Classification) -> float | None:
    """The prevalence for which a probability is meant: the answer says it, or, of an older service, the manifest."""
    if said.calibrated_for_prevalence is not None:
        return said.calibrated_for_prevalence
    manifest = manifest_of(said.model)
    return None if manifest is None or manifest.calibration is None else manifest.calibration.prevalence


def _values(point: OperatingPoint, prevalence: float) -> None:
    try:
        found = predictive(point, prevalence)
    except ValueError as error:
        st.info(markup.plain(f"There is no predictive value: {error}."))
        return
    left, right = st.columns(2)
    _value(left, "Malignant of those called malignant (PPV)", found.positive)
    _value(right, "Benign of those called benign (NPV)", found.negative)
    malignant = 1000 * prevalence
    missed = malignant * (1 - point.sensitivity)
    alarms = (1000 - malignant) * (1 - point.specificity)
    st.markdown(
        markup.plain(
            f"Of 1000 lesions {words.about(malignant)} would be malignant, of which {words.about(missed)} would be "
            f"missed; of the benign ones {words.about(alarms)} would be called malignant."
        )
    )


def _value(column: st.delta_generator.DeltaGenerator, name: str, found: Estimate) -> None:
    column.metric(name, words.percent(found.value), border=True)
    column.caption(words.span(found.low, found.high))
