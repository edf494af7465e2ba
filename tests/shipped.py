"""The versions that the repository comes with, as far as they are used: what `stable` names, and what it named before.

A service on all of them tries the older ones, too, which takes the processors for a quarter of a minute.
"""

import os
import shutil
from pathlib import Path

import pytest

from model_store.labels import Labels
from model_store.store import Store
from tests.running_service import ROOT

STORE = ROOT / "model_store" / "models"

older = pytest.mark.skipif(
    "TEST_LONG" not in os.environ, reason="NOT RUN: newer versions are looked at; make test-long runs it"
)
"""For a parameter that is another version."""


def recent(name: str) -> tuple[int, int]:
    """What `stable` named before, and what it names now."""
    now = Labels(Store(STORE), STORE).get(name, "stable").version
    return max(number for number in Store(STORE).versions(name) if number < now), now


def recent_store(folder: Path) -> Path:
    """Copies them into a folder that does not exist yet, with the labels."""
    for name in Store(STORE).names():
        for number in recent(name):
            shutil.copytree(STORE / name / str(number), folder / name / str(number))
    shutil.copy(STORE / "labels.json", folder)
    return folder
