"""Which versions there are, what they were measured to do, and which of them answers."""

import streamlit as st

from client import Manifest, MelanoserveError, ModelAnswer, Version
from ui import markup, words
from ui.frame import asker, service, settings

PLOTS = {
    "roc": "Sensitivity against false alarms (ROC)",
    "calibration": "Predicted against observed share of malignant lesions",
    "confusion": "Decisions against labels",
    "confusion_frame_only": "The same from the picture's frame alone",
    "groups": "AUC on every evaluation set",
    "training": "Loss while it was trained",
    "decision_curve": "Net benefit (decision curve)",
}


def show() -> None:
    """Draws the page."""
    st.title("Models", anchor=False)
    try:
        models = service().models()
    except MelanoserveError as error:
        st.error(markup.plain(words.trouble(error)))
        return
    if not models:
        st.info("The service has no model. Whoever runs it can publish one, or name another store.")
        return
    names = [model.name for model in models]
    name = st.segmented_control("Model", names, default=names[0], required=True)
    model = models[names.index(name)]
    st.html(markup.table([_version_row(version) for version in reversed(model.versions)], f"Versions of {name}"))
    if model.labels:
        st.html(markup.table(_label_rows(model), f"Labels of {name}"))
    with st.expander("Move a label"):
        _move(model)
    numbers = [version.version for version in reversed(model.versions)]
    stable = model.labels.get("stable")
    at = numbers.index(stable.version) if stable is not None and stable.version in numbers else 0
    number = st.selectbox("Look at version", numbers, index=at, key=f"version-{name}")
    try:
        _version(name, number)
    except MelanoserveError as error:
        st.error(markup.plain(words.trouble(error)))


def _version_row(version: Version) -> dict[str, str]:
    return {
        "Version": str(version.version),
        "State": version.state,
        "Labels": ", ".join(version.labels) or "none",
        "Digest": (version.digest or "")[:12],
        "Reason": version.reason or "",
    }


def _label_rows(model: ModelAnswer) -> list[dict[str, str]]:
    return [
        {
            "Label": name,
            "Points to": str(label.version),
            "Answered by": "nothing" if label.serving is None else str(label.serving),
            "Share": "" if label.share is None else words.percent(label.share),
            "Trouble": label.trouble or "",
        }
        for name, label in model.labels.items()
    ]


def _move(model: ModelAnswer) -> None:
    with st.form(f"move-{model.name}"):
        st.text_input("Label", "stable", max_chars=64, key=_field(model.name, "label"))
        numbers = [version.version for version in reversed(model.versions)]
        st.selectbox("Version", numbers, key=_field(model.name, "version"))
        st.number_input(
            "For canary: share of the requests in per cent",
            min_value=0.0, max_value=100.0, value=None, step=1.0, key=_field(model.name, "share"),
        )  # fmt: skip
        st.text_input(
            "API key with the scope admin",
            type="password", help="It is used once and not kept.", key=_field(model.name, "key"),
        )  # fmt: skip
        # As a callback: the tables above are drawn after it, and the key is no longer in its field.
        st.form_submit_button("Move the label", on_click=_moved, args=(model.name,))
    moved = st.session_state.pop(_field(model.name, "moved"), None)
    if moved is not None:
        (st.error if isinstance(moved, MelanoserveError) else st.success)(_told(moved))


def _moved(name: str) -> None:
    """Moves the label as the form says, and keeps what became of it until it is shown."""
    label, number, share, key = (st.session_state[_field(name, one)] for one in ("label", "version", "share", "key"))
    st.session_state[_field(name, "key")] = ""
    outcome: str | MelanoserveError
    try:
        with asker(settings(), attempts=1, key=key) as admin:
            found = admin.move_label(name, label, number, share=None if share is None else share / 100)
        outcome = f"“{label}” now points to {name}/{found.version}."
    except MelanoserveError as error:
        outcome = error
    st.session_state[_field(name, "moved")] = outcome


def _told(moved: str | MelanoserveError) -> str:
    return markup.plain(words.trouble(moved) if isinstance(moved, MelanoserveError) else moved)


def _field(name: str, what: str) -> str:
    return f"move-{name}-{what}"


def _version(name: str, number: int) -> None:
    found = service().version(name, number)
    manifest = found.manifest
    if found.state == "loading":
        st.info(markup.plain(f"{name}/{number} is being tried. Look again in a few seconds."))
        return
    if manifest is None:
        st.error(markup.plain(f"{name}/{number} is refused and does not answer. {found.reason or ''}"))
        return
    st.header(f"{name}/{number}", anchor=False)
    st.markdown(markup.plain(manifest.summary))
    st.html(markup.facts({"Digest": found.digest or "", "Made": f"{manifest.created:%Y-%m-%d %H:%M} UTC"}))
    figures, plots, card, licence = st.tabs(["Figures", "Plots", "Model card", "Licence"])
    with figures:
        _figures(manifest)
    with plots:
        _plots(name, number, manifest)
    with card:
        _text(name, number, "model_card.md", manifest)
    with licence:
        _text(name, number, "LICENSE", manifest)


def _figures(manifest: Manifest) -> None:
    for key, evaluation in manifest.evaluations.items():
        st.markdown(f"**{markup.plain(key)}**")
        seen = "Seen in training" if evaluation.seen_in_training else "Not seen in training"
        st.caption(
            markup.plain(
                f"{evaluation.description}. {evaluation.images} images of {evaluation.groups} lesions or patients, "
                f"{evaluation.positives} of them positive. {seen}."
            )
        )
        rows = [
            {
                "Figure": words.metric(metric),
                "Value": f"{one.value:.3f}",
                "95 % interval": f"{one.low:.3f} to {one.high:.3f}",
            }
            for metric, one in evaluation.metrics.items()
        ]
        if rows:
            st.html(markup.table(rows, f"Figures of {key}"))


def _plots(name: str, number: int, manifest: Manifest) -> None:
    files = [file for file in manifest.files if file.startswith("report/") and file.endswith(".png")]
    columns = st.columns(2)
    for place, file in enumerate(files):
        stem = file.removeprefix("report/").removesuffix(".png")
        title = PLOTS.get(stem, words.title(stem))
        columns[place % 2].image(service().file(name, number, file), caption=title, alt=title, width="stretch")
    if not files:
        st.info("This version has no plots.")


def _text(name: str, number: int, file: str, manifest: Manifest) -> None:
    if file not in manifest.files:
        st.info("This version has none.")
        return
    text = service().file(name, number, file).decode("utf-8", "replace")
    if file.endswith(".md"):
        st.markdown(text)
    else:
        st.text(text)
