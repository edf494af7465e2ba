"""The model card: the manifest's own figures in words and tables (Mitchell 2019, arXiv:1810.03993)."""

from __future__ import annotations

from dataclasses import dataclass

from client.predictive import SOURCE, Estimate, Predictive, predictive
from model_store.manifest import Evaluation, Gate, Manifest, Measured, OperatingPoint, Refusals
from training.texts import CLASSIFIER_LIMITS, GATE_LIMITS, LIMITS, UNGUARDED


def _figure(measured: Measured | Estimate) -> str:
    return f"{measured.value:.3f} ({measured.low:.3f} to {measured.high:.3f})"


def _evaluation(name: str, evaluation: Evaluation) -> list[str]:
    seen = "may have been seen in training" if evaluation.seen_in_training else "not seen in training"
    lines = [
        f"### {name}",
        # str.capitalize would write "held-out lesions of ham10000".
        f"{evaluation.description[:1].upper()}{evaluation.description[1:]}; {evaluation.images} images of "
        f"{evaluation.groups} lesions or patients, {evaluation.positives} positive; {seen}.",
        "",
        "| figure | value (95 % interval) |",
        "|---|---|",
    ]
    return [*lines, *(f"| {key} | {_figure(value)} |" for key, value in evaluation.metrics.items()), ""]


def _sources(manifest: Manifest) -> list[str]:
    head = ["| source | images | training | validation | test | removed | licence |", "|---|---|---|---|---|---|---|"]
    rows = [
        f"| {s.name} | {s.images} | {s.training} | {s.validation} | {s.test} | {s.removed} | {s.licence} |"
        for s in manifest.training.sources
    ]
    return [*head, *rows, ""]


def _points(manifest: Manifest) -> list[str]:
    if not manifest.operating_points:
        return []
    head = ["## Operating points", "", "| name | threshold | sensitivity | specificity | chosen on | measured on |"]
    rows = [
        f"| {p.name} | {p.threshold:.4f} | {_figure(p.sensitivity)} | {_figure(p.specificity)} "
        f"| {p.rule}, {p.chosen_on} | {p.measured_on} |"
        for p in manifest.operating_points
    ]
    what = f"Sensitivity and specificity are those for malignancy. Default: {manifest.default_operating_point}."
    return [*head, "|---|---|---|---|---|---|", *rows, "", what, "", *_predictive_values(manifest)]


PREVALENCES = (0.01, 0.03, 0.1, 0.2, 0.5)
"""Of malignant lesions: from screening to a clinic that patients are sent to."""


@dataclass(frozen=True)
class _Point:
    """An operating point as `client.predictive` takes it."""

    sensitivity: float
    specificity: float
    sensitivity_ci: tuple[float, float]
    specificity_ci: tuple[float, float]


def _predictive(point: OperatingPoint, prevalence: float) -> Predictive | None:
    found, spared = point.sensitivity, point.specificity
    shares = _Point(found.value, spared.value, (found.low, found.high), (spared.low, spared.high))
    try:
        return predictive(shares, prevalence)
    except ValueError:  # one that calls everything the same
        return None


def _predictive_values(manifest: Manifest) -> list[str]:
    """What the decisions mean where malignant lesions are that frequent; the service says it for any prevalence."""
    rows = []
    for point in manifest.operating_points:
        for prevalence in PREVALENCES:
            found = _predictive(point, prevalence)
            values = ["", ""] if found is None else [_figure(found.positive), _figure(found.negative)]
            rows.append(f"| {point.name} | {prevalence * 100:g} % | {' | '.join(values)} |")
    what = f"Computed from sensitivity and specificity ({SOURCE}), not measured at any of these prevalences."
    head = [
        "### Predictive values",
        "",
        what,
        "",
        "| name | prevalence of malignancy | PPV | NPV |",
        "|---|---|---|---|",
    ]
    return [*head, *rows, ""]


EMULATED = " (emulated; used only where the golden images come out right)"


def _runtimes(manifest: Manifest) -> list[str]:
    head = ["## Runtimes", "", "Difference of a probability to TensorFlow in f32.", ""]
    table = ["| runtime | precision | images | mean | largest | tolerance |", "|---|---|---|---|---|---|"]
    rows = [
        f"| {r.runtime} | {r.precision}{EMULATED if r.emulated else ''} | {r.images} | {r.mean_difference:.5f} "
        f"| {r.largest_difference:.5f} | {r.tolerance:.5f} |"
        for r in manifest.runtimes
    ]
    return [*head, *table, *rows, ""]


def _calibration(manifest: Manifest) -> list[str]:
    if manifest.calibration is None:
        return []
    c = manifest.calibration
    fitted = ", ".join(f"{name} {value:.4f}" for name, value in c.parameters.items())
    text = f"{c.method}, for a prevalence of {c.prevalence * 100:g} %; fitted on {c.fitted_on} ({fitted})."
    return ["", "## Calibration", "", text]


def _novelty(manifest: Manifest) -> list[str]:
    if not manifest.novelty_quantiles:
        return []
    head = ["## Novelty", "", "Quantiles of the novelty score on validation images.", ""]
    return [*head, *(f"- {quantile}: {value:.4f}" for quantile, value in manifest.novelty_quantiles.items()), ""]


def _gate(gate: Gate | None) -> list[str]:
    if gate is None:
        return []
    head = ["## When it does not answer", "", f"Limits, chosen on {gate.chosen_on}:", ""]
    rows = [
        f"| {limit.issue} | {limit.measure} | {'below' if limit.most is None else 'above'} "
        f"| {(limit.least if limit.most is None else limit.most):.4f} |"
        for limit in gate.limits
    ]
    lines = [*head, "| issue | measure | refused | limit |", "|---|---|---|---|", *rows, ""]
    lines += ["Share of images that it abstains on. Good ones, which must be answered:", "", *_refusals(gate.good)]
    lines += ["Wrong ones, which must not:", "", *_refusals(gate.wrong)]
    lines += [
        "Good ones that were changed:",
        "",
        "| change | share refused by strength | caught from |",
        "|---|---|---|",
    ]
    for name, sweep in gate.sweeps.items():
        shares = ", ".join(f"{strength}: {share:.3f}" for strength, share in sweep.abstained.items())
        caught = "never" if sweep.caught_from is None else f"{sweep.caught_from:g}"
        lines.append(f"| {name}: {sweep.description} | {shares} | {caught} |")
    return [*lines, "", "Caught: at least 95 % from there on.", ""]


def _refusals(measured: dict[str, Refusals]) -> list[str]:
    head = ["| images | number | abstained (95 % interval) | for |", "|---|---|---|---|"]
    rows = []
    for one in measured.values():
        reasons = ", ".join(f"{issue} {share:.3f}" for issue, share in one.issues.items() if share)
        rows.append(f"| {one.description} | {one.images} | {_figure(one.abstained)} | {reasons or 'nothing'} |")
    return [*head, *rows, ""]


def _recipe(manifest: Manifest) -> list[str]:
    lines = ["## Recipe", ""]
    for name, value in manifest.training.recipe.items():
        several = value if name == "recipes_before" and isinstance(value, list) else None
        lines += [f"- {name}: {value}"] if several is None else [f"- {name}:", *(f"  - `{one}`" for one in several)]
    return [*lines, ""]


def write_card(manifest: Manifest) -> str:
    """The card as Markdown; every figure in it is read from the manifest."""
    lines = [f"# {manifest.name}/{manifest.version}", "", manifest.summary, "", "## Intended use", ""]
    lines += [manifest.intended_use, "", "## What it says", "", manifest.label_policy, ""]
    lines += [f"- **{name}**: {meaning}" for name, meaning in manifest.classes.items()]
    if manifest.diagnoses:
        lines += ["", "Diagnoses that it tells apart (ICD-10, class):", ""]
        lines += [
            f"- **{code}**: {d.name} ({', '.join(d.icd10)}; {d.class_name})" for code, d in manifest.diagnoses.items()
        ]
    if manifest.evidence:
        lines += ["", "How well the data supports each grade:", ""]
        lines += [f"- **{name}**: {text}" for name, text in manifest.evidence.items()]
    classifies = manifest.task == "classification"
    measured = "The exported artifact was measured." if classifies else "Measured by cross-validation; see the notes."
    lines += [*_calibration(manifest), "", *_points(manifest), "## Evaluation", "", measured, ""]
    for name, evaluation in manifest.evaluations.items():
        lines += _evaluation(name, evaluation)
    lines += ["## Training data", "", *_sources(manifest), *(f"- {note}" for note in manifest.training.notes), ""]
    guarded = GATE_LIMITS if manifest.gate else (UNGUARDED,)
    limits = (*LIMITS, *CLASSIFIER_LIMITS, *guarded) if classifies else LIMITS
    lines += [*_recipe(manifest), *_runtimes(manifest), *_novelty(manifest), *_gate(manifest.gate)]
    lines += ["## Limits", "", *(f"- {limit}" for limit in limits), ""]
    return "\n".join(lines)
