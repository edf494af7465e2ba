"""From a trained network to a published classifier: calibrate, choose, measure the exported artifact, write it down."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dermoscopy.prepare import PREPROCESSING_VERSION
from model_store.manifest import (
    Calibration,
    Golden,
    InputContract,
    Limit,
    Manifest,
    OperatingPoint,
    SourceRecord,
    TrainingRecord,
)
from model_store.publish import publish
from model_store.runtime import Runtime, load_directory
from model_store.store import Store, StoredVersion
from training import report, texts
from training.bfloat16 import Emulated
from training.calibration import Platt, fit_platt
from training.depths import Correction
from training.documents import write_documents
from training.evaluation import Evaluated, kind_of, test_rows, test_sets, validation_set, validation_sets
from training.export import calibrated, export_classifier, load_published
from training.figures import measure_all, primary_of
from training.gate import measure_gate
from training.golden import fit_candidates, render_candidates, spread, write_golden
from training.heads import Heads, fit_heads
from training.labels import CLASS_MEANINGS, described_diagnoses
from training.novelty import COMPONENTS
from training.operating_points import choose_operating_points
from training.runtimes import IMAGES, validate_runtimes
from training.scoring import score
from training.work import Work, fair_sources

SEEN = "Training went on from a version with other roles of the images: it may have learned from what is held out here."


class ReleaseError(ValueError):
    """A network cannot become a version; the message says why."""


def check_ready(work: Work) -> None:
    """Refuse, before hours of training, data on which nothing could be calibrated, chosen or measured.

    Raises:
        ReleaseError: Images are missing; the message says which.
    """
    unlearned = work.split.unlearned(work.shares, work.table)
    if unlearned:
        raise ReleaseError(unlearned)
    count = work.split.roles.count("training")
    if count <= COMPONENTS:
        raise ReleaseError(f"{count} training images are too few: more than {COMPONENTS} are needed")
    rows = [row for source in fair_sources(work) for row in work.split.rows("validation", source, work.table)]
    kinds = {kind_of(work.table.labels[row]) for row in rows}
    missing = [*(["benign"] * ("benign" not in kinds)), *(["melanoma"] * (not kinds & {"melanoma", "malignant"}))]
    if missing:
        raise ReleaseError(f"no {' and no '.join(missing)} validation images: nothing to choose thresholds on")
    if not test_rows(work.table, work.split):
        raise ReleaseError("no held-out source has both benign and malignant images: nothing to measure on")


def _validate(folder: Path, work: Work) -> Evaluated:
    return validation_set(load_directory(folder), work.table, work.split, fair_sources(work))


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def source_records(work: Work) -> list[SourceRecord]:
    """How many images of each source went where."""
    return [
        SourceRecord(
            name=name,
            licence=texts.LICENCES.get(name, "not stated"),
            images=sum(count.values()),
            training=count["training"],
            validation=count["validation"],
            test=count["test"] + count["external"] + count["shown"],
            removed=count["removed"],
        )
        for name, count in sorted(work.split.counts(work.table).items())
    ]


def may_have_seen(before: Manifest, work: Work) -> bool:
    """Whether a version may have learned from what is held out here.

    It has not if its images had the same roles: by the digest that it recorded or, where it recorded none, by the same
    numbers in every source.
    """
    if any(evaluation.seen_in_training for evaluation in before.evaluations.values()):
        return True
    recorded = before.training.recipe.get("split")
    if recorded is None:
        return before.training.sources != source_records(work)
    return recorded != work.split.digest(work.table)


def points_of(runtime: Runtime, work: Work, validation: Evaluated, tests: dict[str, Evaluated]) -> list[OperatingPoint]:
    """The operating points of an artifact; see `operating_points.choose_operating_points`."""
    each = validation_sets(runtime, work.table, work.split)
    primary = tests[primary_of(tests, work.table, work.split)]
    return choose_operating_points(validation, primary, each if len(each) > 1 else ())


def _notes(work: Work) -> list[str]:
    table = work.table
    contradicted = sum(1 for image, label in zip(table.images, table.labels, strict=True) if image.label and not label)
    several = int((np.bincount(table.copies)[table.copies] > 1).sum())
    return [
        f"{several} of {len(table.images)} images have a copy, in the same source or another, by perceptual hash.",
        f"{contradicted} images have copies whose labels contradict each other; none of them was trained or validated "
        "on, and where one is held out it is measured by its own source's label.",
        "Removed images are copies or other images of held-out lesions, repeats inside a source, or contradicted.",
        "Images of sources that take no part in training count as test.",
        *([SEEN] if work.seen else []),
    ]


def draw_plots(folder: Path, work: Work, tests: dict[str, Evaluated], manifest: Manifest) -> None:
    """The plots of a version's report, from what it said of the test sets, into `report` of its folder."""
    out, history = folder / "report", work.folder / "history.jsonl"
    primary = tests[primary_of(tests, work.table, work.split)]
    point = next(p for p in manifest.operating_points if p.name == manifest.default_operating_point)
    assert manifest.calibration is not None  # noqa: S101  # narrows the type: a classifier was just calibrated
    report.plot_roc(tests, out / "roc.png")
    report.plot_calibration(tests, manifest.calibration.prevalence, out / "calibration.png")
    report.plot_decision_curve(tests, manifest.calibration.prevalence, out / "decision_curve.png")
    title = f"{primary.description}; {point.name}, threshold {point.threshold:.3f}"
    report.plot_confusion(primary.kinds.tolist(), primary.probability >= point.threshold, title, out / "confusion.png")
    report.plot_groups(manifest.evaluations, "auc_malignant_vs_benign", out / "groups.png")
    if history.is_file():
        report.plot_history(history, out / "training.png")


def _manifest(
    work: Work, store: Store, platt: Platt, validation: Evaluated, points: list[OperatingPoint], **parts: object
) -> Manifest:
    calibration = Calibration(
        method="Platt scaling of the logit, weighted to the prevalence",
        prevalence=work.prevalence,
        fitted_on=validation.description,
        parameters={"slope": platt.slope, "intercept": platt.intercept},
    )
    fields = {
        "name": "classifier",
        "version": store.next_version("classifier"),
        "task": "classification",
        "created": datetime.now(UTC).replace(microsecond=0),
        "summary": texts.CLASSIFIER_SUMMARY,
        "label_policy": texts.MALIGNANT_POLICY,
        "classes": CLASS_MEANINGS,
        "diagnoses": described_diagnoses(),
        "input": InputContract(preprocessing_version=PREPROCESSING_VERSION),
        "calibration": calibration,
        "operating_points": points,
        "default_operating_point": points[-1].name,
        "intended_use": texts.INTENDED_USE,
    }
    return Manifest.model_validate(fields | parts)


def _export_calibrated(network: keras.Model, heads: Heads, work: Work) -> tuple[Path, Platt]:
    """The folder of the artifact, and its calibration, fitted to what one without it says of validation images.

    Raises:
        ValueError: Calibration failed.
    """

    def export(platt: Platt, folder: Path) -> None:
        export_classifier(network, platt, heads.novelty, heads.gatekeepers, folder, correction=heads.correction)

    raw, final = _fresh(work.folder / "raw"), _fresh(work.folder / "artifact")
    export(Platt(), raw)
    before = _validate(raw, work)
    platt = fit_platt(before.malignant, before.logit, work.prevalence)
    export(platt, final)
    return final, platt


def _write_golden(runtime: Runtime, limits: list[Limit], folder: Path) -> tuple[list[Golden], NDArray[np.uint8]]:
    """Golden images that the gate lets pass: their records, and their pixels, uint8[n, 224, 224, 3]."""
    rendered = render_candidates()
    outputs = score(runtime, rendered, list(range(len(rendered))), "scoring golden candidates")
    candidates, probability = fit_candidates(rendered, outputs, limits)
    chosen = spread(probability)
    golden = write_golden(load_directory(folder, runtime="tensorflow"), candidates, chosen, folder)
    return golden, candidates[chosen]


def _novelty_quantiles(runtime: Runtime, work: Work) -> dict[str, float]:
    """How far validation images are from what training saw: quantile (0 to 1) -> novelty."""
    rows = [row for name in work.split.counts(work.table) for row in work.split.rows("validation", name, work.table)]
    known = score(runtime, work.table.pixels, rows, "novelty of validation images")["novelty"]
    return {str(q): round(float(np.quantile(known, q)), 4) for q in (0.5, 0.9, 0.95, 0.99)}


def _validation_pixels(work: Work, golden: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows = np.flatnonzero(np.array(work.split.roles) == "validation")
    chosen = np.sort(np.random.default_rng(1).permutation(rows)[:IMAGES])
    return np.concatenate([work.table.pixels[chosen], golden])


def _emulated(network: keras.Model, folder: Path, platt: Platt, correction: Correction) -> Emulated:
    """The exported artifact in bfloat16; it has the weights of the file, which are float16."""
    load_published(network, folder)
    kernel, bias = network.get_layer("head").get_weights()
    backbone = network.get_layer("backbone")
    return Emulated(backbone, kernel, bias, lambda diagnoses: tf.sigmoid(calibrated(diagnoses, platt)[1]), correction)


def release_classifier(network: keras.Model, work: Work, store: Store) -> StoredVersion:
    """Calibrate, export, measure and publish a trained network as the next version of `classifier`.

    Args:
        network: The trained network.
        work: Its data.
        store: Where to publish. No label is moved.

    Raises:
        ReleaseError: See `check_ready`.
        ValueError: Calibration failed: the network learned nothing.
    """
    check_ready(work)
    heads = fit_heads(network, work)
    final, platt = _export_calibrated(network, heads, work)
    validation = _validate(final, work)
    runtime = load_directory(final)
    tests = test_sets(runtime, work.table, work.split, seen=work.seen)
    points = points_of(runtime, work, validation, tests)
    gate = measure_gate(runtime, work.table, work.split, points[-1].threshold, work.photographs)
    golden, pictures = _write_golden(runtime, gate.limits, final)
    manifest = _manifest(
        work,
        store,
        platt,
        validation,
        points,
        training=TrainingRecord(
            recipe=work.recipe | heads.described(), sources=source_records(work), notes=_notes(work)
        ),
        golden=golden,
        gate=gate,
        novelty_quantiles=_novelty_quantiles(runtime, work),
        evaluations=measure_all(
            runtime,
            work.table,
            work.split,
            tests,
            prevalence=work.prevalence,
            thresholds={point.name: point.threshold for point in points},
            seen=work.seen,
            plots=final / "report",
        ),
        runtimes=validate_runtimes(
            final, _validation_pixels(work, pictures), "probability", _emulated(network, final, platt, heads.correction)
        ),
    )
    draw_plots(final, work, tests, manifest)
    write_documents(manifest, final)
    return publish(store, final, manifest)
