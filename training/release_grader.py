"""From a published classifier and graded melanomas to a published grader that pins that classifier."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dermoscopy.prepare import PREPROCESSING_VERSION
from model_store.golden import golden_pixels
from model_store.manifest import Evaluation, Golden, InputContract, Manifest, Pinned, SourceRecord, TrainingRecord
from model_store.publish import publish
from model_store.runtime import load_directory
from model_store.store import Store, StoredVersion
from training import report, texts
from training.bfloat16 import Emulated
from training.calibration import Platt
from training.depths import head_logits
from training.documents import write_documents
from training.export import calibrated, export_grader, grades, load_published, published_correction
from training.gatekeeper import features_of
from training.golden import render_candidates, spread, write_golden
from training.grader import (
    FRAME_PENALTIES,
    PENALTIES,
    REPEATS,
    THREE,
    TOP,
    VIEWS,
    Features,
    check_enough,
    cross_validate,
    measure_grader,
    train_grader,
    view_features,
)
from training.images import recorded
from training.policies import Policy
from training.runtimes import validate_runtimes
from training.scoring import score
from training.stages import Stages, frame_features, read_stages
from training.table import Table

SAME = 0.01
"""How far a probability may be from the recorded one: sums in another order move it less, another front by tenths."""


def _sites(stages: Stages, table: Table, grade: int) -> str:
    """From how many images a grade was learned, and how many of them are from one hospital or society."""
    found = [table.images[row].facts.get("attribution", "") for row in stages.rows[stages.grades == grade].tolist()]
    known = Counter(site for site in found if recorded(site))
    parts = [f"{most} of them from one place ({site})" for site, most in known.most_common(1)]
    if unknown := len(found) - known.total():
        parts.append(f"of {unknown} it is not recorded where they are from")
    return ", ".join([f"{len(found)} images", *parts])


def _evidence(stages: Stages, table: Table, evaluations: dict[str, Evaluation]) -> dict[str, str]:
    policy = stages.policy
    fair, all_three = evaluations[policy.question].metrics, evaluations[THREE].metrics
    auc, frame = fair["auc"], fair["auc_of_frame_only_baseline"]
    where = f"inside images of the {policy.site} " if policy.site else ""
    inside = (
        f"Grades 1 and 2 are told apart {where}with an AUC of {auc.value:.2f} "
        f"({auc.low:.2f} to {auc.high:.2f}); the picture's frame alone reaches {frame.value:.2f}."
    )
    alone = all_three["balanced_accuracy_of_frame_only_baseline"]
    return {
        "1": f"{_sites(stages, table, 0)}. {inside}",
        "2": f"{_sites(stages, table, 1)}. {inside}",
        "3": f"{_sites(stages, table, 2)}; how far it is told from recognising the place is not known (the picture's "
        f"frame alone reaches a balanced accuracy of {alone.value:.2f} over all three grades).",
    }


def _sources(stages: Stages, table: Table) -> list[SourceRecord]:
    total = Counter(image.source for image in table.images)
    used = Counter(table.images[row].source for row in stages.rows.tolist())
    return [
        SourceRecord(
            name=name,
            licence=texts.LICENCES.get(name, "not stated"),
            images=total[name],
            training=count,
            validation=0,
            test=0,
            removed=total[name] - count,
        )
        for name, count in sorted(used.items())
    ]


def _training(stages: Stages, table: Table, classifier: StoredVersion) -> TrainingRecord:
    policy, sources = stages.policy, _sources(stages, table)
    alone = f"images of the {policy.site} alone" if policy.site else "images"
    return TrainingRecord(
        recipe={
            "base": f"{classifier.name}/{classifier.version}",
            "label_policy": policy.name,
            "model": "sequential logit on pooled features, L2",
            "penalties": list(PENALTIES),
            "penalties_of_frame_only_baseline": list(FRAME_PENALTIES),
            "augmented_views": VIEWS,
            "cross_validation_repeats": REPEATS,
        },
        sources=sources,
        notes=[
            f"Grade 1 against 2 ({policy.parted}) is learned from {int((stages.fair & (stages.grades < TOP)).sum())} "
            f"{alone}; grade 3 against the rest from all.",
            "Figures are cross-validated (out of fold); the artifact itself was then trained on all images.",
            "Grades weigh equally in training: the probabilities are those of equally frequent grades.",
            _seen_by(classifier, _graded(stages, table)),
        ],
    )


def _graded(stages: Stages, table: Table) -> dict[str, int]:
    """The sources of the graded images, and how many images each has in all."""
    counts = Counter(image.source for image in table.images)
    return {name: counts[name] for name in sorted({table.images[row].source for row in stages.rows.tolist()})}


def _saw_none(classifier: StoredVersion, sources: Mapping[str, int]) -> bool:
    """Whether the classifier's features were learned without the graded images: only its own manifest can tell.

    It kept out copies of what was there then: of images that came later, other sources may have held copies.
    """
    if any(evaluation.seen_in_training for evaluation in classifier.manifest.evaluations.values()):
        return False  # what it went on from had other roles, which its own counts do not tell
    records = {source.name: source for source in classifier.manifest.training.sources}
    known = [records[name] for name in sources if name in records]
    unseen = all(one.training == one.validation == 0 and one.images == sources[one.name] for one in known)
    return unseen and len(known) == len(sources)


def _seen_by(classifier: StoredVersion, sources: Mapping[str, int]) -> str:
    if _saw_none(classifier, sources):
        return "The classifier's training saw none of these images and none of their copies that were found."
    return "Whether the classifier's training saw these images or copies of them is not known."


def _check_same(network: keras.Model, classifier: StoredVersion) -> None:
    """The grader's features must be those of the classifier that it pins, as it is served.

    Raises:
        ValueError: The weights behind today's front do not say what the version says of its golden images.
    """
    calibration = classifier.manifest.calibration
    assert calibration is not None  # noqa: S101  # narrows the type: a classifier is calibrated
    platt = Platt(calibration.parameters["slope"], calibration.parameters["intercept"])
    correction = published_correction(classifier.path)
    for golden in classifier.manifest.golden:
        features = features_of(network.get_layer("backbone"), [golden_pixels(classifier, golden)[None]])
        logits = head_logits(network, features)
        logit = calibrated(logits if correction is None else logits + correction.of(features), platt)[1]
        found, recorded = float(tf.sigmoid(logit)[0]), golden.outputs["probability"][0]
        if abs(found - recorded) > SAME:
            name = f"{classifier.name}/{classifier.version}"
            raise ValueError(f"{name} was made for other inputs than today's front: build on a newer classifier")


def _pixels_to_validate(table: Table, stages: Stages, golden: np.ndarray) -> np.ndarray:
    return np.concatenate([table.pixels[np.sort(stages.rows)[:150]], golden])


def _cross_validated(features: Features, stages: Stages, table: Table) -> tuple[Features, Features]:
    """Probabilities out of fold, float64[n, 3]: of the grader, and of the baseline that sees only the frame."""
    model = cross_validate(features, stages, "cross-validating the grader")
    title = "cross-validating the frame-only baseline"
    return model, cross_validate(frame_features(table, stages.rows)[None], stages, title, FRAME_PENALTIES)


def _write_golden(folder: Path) -> tuple[list[Golden], NDArray[np.uint8]]:
    """Golden images of every grade: their records, and their pixels, uint8[n, 224, 224, 3]."""
    candidates = render_candidates()
    invasive = score(load_directory(folder), candidates, list(range(len(candidates))), "scoring golden candidates")
    chosen = spread(invasive["probabilities"][:, 1])
    golden = write_golden(load_directory(folder, runtime="tensorflow"), candidates, chosen, folder)
    return golden, candidates[chosen]


def _manifest(
    stages: Stages, table: Table, classifier: StoredVersion, evaluations: dict[str, Evaluation], **parts: object
) -> Manifest:
    """What the data and the figures say of the version, and the parts that come of its artifact."""
    fields = {
        "name": "grader",
        "task": "grading",
        "created": datetime.now(UTC).replace(microsecond=0),
        "summary": texts.GRADER_SUMMARY,
        "label_policy": stages.policy.text,
        "classes": stages.policy.meanings,
        "evidence": _evidence(stages, table, evaluations),
        "input": InputContract(preprocessing_version=PREPROCESSING_VERSION),
        "evaluations": evaluations,
        "training": _training(stages, table, classifier),
        "intended_use": texts.INTENDED_USE,
        "classifier": Pinned(name=classifier.name, version=classifier.version, digest=classifier.digest),
    }
    return Manifest.model_validate(fields | parts)


def release_grader(  # noqa: PLR0913 - what a release depends on
    network: keras.Model,
    table: Table,
    classifier: StoredVersion,
    folder: Path,
    store: Store,
    *,
    policy: Policy | None = None,
) -> StoredVersion:
    """Train, measure, export and publish the next version of `grader`.

    Args:
        network: A network of the classifier's architecture; its weights are replaced by the published ones.
        table: Images with graded melanomas among them.
        classifier: The published classifier to build on and to pin.
        folder: Working folder; `artifact` in it is replaced.
        store: Where to publish. No label is moved.
        policy: From which labels; None for what the data supports.

    Raises:
        ValueError: The table has no graded melanomas, or too few of a grade; or the classifier has another architecture
            or another front.
    """
    stages = read_stages(table, policy)
    check_enough(stages)
    load_published(network, classifier.path)
    _check_same(network, classifier)
    features = view_features(network, table.pixels[stages.rows])
    model, frame = _cross_validated(features, stages, table)
    trained, final = train_grader(features, stages), folder / "artifact"
    shutil.rmtree(final, ignore_errors=True)
    final.mkdir(parents=True)
    export_grader(network, trained.kernel, trained.bias, final)
    golden, pictures = _write_golden(final)
    emulated = Emulated(network.get_layer("backbone"), trained.kernel, trained.bias, grades)
    manifest = _manifest(
        stages,
        table,
        classifier,
        measure_grader(model, frame, stages, seen=not _saw_none(classifier, _graded(stages, table))),
        version=store.next_version("grader"),
        golden=golden,
        runtimes=validate_runtimes(final, _pixels_to_validate(table, stages, pictures), "probabilities", emulated),
    )
    _plots(final, model, frame, stages)
    write_documents(manifest, final)
    return publish(store, final, manifest)


def _plots(folder: Path, model: np.ndarray, frame: np.ndarray, stages: Stages) -> None:
    for name, found, title in (
        ("confusion", model, "grader, out of fold, all sources"),
        ("confusion_frame_only", frame, "frame-only baseline, out of fold, all sources"),
    ):
        counts = np.zeros((3, 3), np.int64)
        np.add.at(counts, (stages.grades, found.argmax(axis=1)), 1)
        names = list(stages.policy.names)
        report.plot_matrix(counts, names, names, title, folder / "report" / f"{name}.png")
