"""What `conftest.py` builds once for all tests of this folder."""

from dataclasses import dataclass
from pathlib import Path

from model_store.store import Store, StoredVersion
from tests.training.data_root import Planted
from training.calibration import Platt
from training.splits import Split
from training.table import Table

PLATT = Platt(1.7, -0.6)
"""Of the exported artifact; not the identity, so that forgetting it shows."""


@dataclass(frozen=True)
class Data:
    """A painted data root and what training makes of it; `cache` holds its prepared pixels for later readers."""

    root: Path
    cache: Path
    planted: Planted
    table: Table
    split: Split

    @property
    def options(self) -> list[str]:
        """Root and cache as options of the command line."""
        return ["--data", str(self.root), "--cache", str(self.cache)]

    def row(self, name: str) -> int:
        """Row of "source/stem"."""
        return [f"{image.source}/{image.path.stem}" for image in self.table.images].index(name)

    def role(self, name: str) -> str:
        """Role of "source/stem"."""
        return self.split.roles[self.row(name)]


@dataclass(frozen=True)
class Published:
    """What the command line published from the painted data.

    Attributes:
        store: Holds classifier/1 and grader/1.
        classifier: The first.
        grader: The second.
        run: The classifier's working folder.
        command: The command that made the classifier.
        options: Data, cache and store as options of the command line.
        state: Folder of the labels.
        killed: history.jsonl at the moment when the first process was killed.
        output: What the commands printed.
    """

    store: Store
    classifier: StoredVersion
    grader: StoredVersion
    run: Path
    command: list[str]
    options: list[str]
    state: Path
    killed: str
    output: str
