"""A store with two versions of the classifier to swap: the two newest, or the only one and a twin of it."""

from __future__ import annotations

import shutil
from pathlib import Path

from model_store.manifest import Manifest
from model_store.store import Store

CLASSIFIER = "classifier"


def two_versions(source: Path, target: Path) -> tuple[int, int]:
    """Copies a store, and adds a second version of its classifier if there is only one.

    The twin has the same weights and other thresholds: an answer that is put together from both shows it, since every
    answer holds the threshold, and the digest of the version.

    Args:
        source: Directory of a store.
        target: Where to; must not exist.

    Returns:
        The two versions' numbers.
    """
    shutil.copytree(source, target)
    versions = Store(target).versions(CLASSIFIER)
    if len(versions) == 1:
        versions.append(_add_twin(target / CLASSIFIER, versions[0]))
    return versions[-2], versions[-1]


def _add_twin(folder: Path, number: int) -> int:
    twin = folder / str(number + 1)
    shutil.copytree(folder / str(number), twin)
    file = twin / "manifest.json"
    manifest = Manifest.model_validate_json(file.read_bytes())
    points = [point.model_copy(update={"threshold": point.threshold / 2}) for point in manifest.operating_points]
    changed = manifest.model_copy(update={"version": number + 1, "operating_points": points})
    file.write_bytes(changed.to_bytes())
    return number + 1
