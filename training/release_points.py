"""A published classifier with operating points chosen anew: the same files as another version."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

from model_store.manifest import Manifest, TrainingRecord
from model_store.publish import publish
from model_store.runtime import Runtime, load_directory
from model_store.store import Store, StoredVersion
from training.documents import CARD, write_documents
from training.evaluation import kind_of, test_rows, test_sets, validation_set
from training.figures import measure_all
from training.gate import least_side_at
from training.release import SEEN, ReleaseError, draw_plots, points_of
from training.work import Work, fair_sources

OLD = ("report", CARD, "LICENSE", "manifest.json")
"""What is written anew; every other file stays as it is, bit for bit."""


def release_points(version: StoredVersion, work: Work, store: Store) -> StoredVersion:
    """Publish a classifier's files as the next version, with operating points chosen and everything measured anew.

    What the thresholds have no part in stays as the manifest has it: calibration, golden images, runtimes, the gate.

    Args:
        version: The classifier.
        work: The data to choose and measure on, and what the recipe shall say of this; its prevalence is not looked at.
        store: Where to publish. No label is moved.

    Raises:
        ReleaseError: The version has no calibration, there is nothing to choose or to measure on, or with the new
            threshold smaller images would have to be refused than the version's gate refuses.
    """
    before = version.manifest
    if before.calibration is None:
        raise ReleaseError(f"{version.name}/{version.version} is no classifier with a calibration")
    _check(work)
    folder = work.folder / "artifact"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(version.path, folder, ignore=lambda at, names: OLD if Path(at) == version.path else ())
    runtime = load_directory(folder)
    validation = validation_set(runtime, work.table, work.split, fair_sources(work))
    tests = test_sets(runtime, work.table, work.split, seen=work.seen)
    points = points_of(runtime, work, validation, tests)
    _check_side(runtime, work, before, points[-1].threshold)
    manifest = Manifest.model_validate(
        before.model_dump()
        | {
            "version": store.next_version(version.name),
            "created": datetime.now(UTC).replace(microsecond=0),
            "operating_points": points,
            "default_operating_point": points[-1].name,
            "files": {},
            "training": _record(before.training, work),
            "evaluations": measure_all(
                runtime,
                work.table,
                work.split,
                tests,
                prevalence=before.calibration.prevalence,
                thresholds={point.name: point.threshold for point in points},
                seen=work.seen,
                plots=folder / "report",
            ),
        }
    )
    draw_plots(folder, work, tests, manifest)
    write_documents(manifest, folder)
    return publish(store, folder, manifest)


def _record(before: TrainingRecord, work: Work) -> TrainingRecord:
    """What it was trained on stays; what is new is where its points come from."""
    notes = [*before.notes, *([SEEN] if work.seen and SEEN not in before.notes else [])]
    return TrainingRecord(recipe=before.recipe | work.recipe, sources=before.sources, notes=notes)


def _check(work: Work) -> None:
    rows = [row for source in fair_sources(work) for row in work.split.rows("validation", source, work.table)]
    if all(kind_of(work.table.labels[row]) == "benign" for row in rows):
        raise ReleaseError("no malignant validation images: nothing to choose thresholds on")
    if not test_rows(work.table, work.split):
        raise ReleaseError("no held-out source has both benign and malignant images: nothing to measure on")


def _check_side(runtime: Runtime, work: Work, before: Manifest, threshold: float) -> None:
    """The gate's limit on small images was chosen at the old threshold; every other one without any."""
    limits = [limit.least for limit in before.gate.limits if limit.measure == "side"] if before.gate else []
    least = least_side_at(runtime, work.table, work.split, threshold) if limits else 0
    if limits and least > (limits[0] or 0):
        raise ReleaseError(
            f"at this threshold images of fewer than {least} pixels cannot be answered, and the version's gate lets "
            "them pass; release its weights with a gate of their own: classifier --from NAME/N --phases 224:0"
        )
