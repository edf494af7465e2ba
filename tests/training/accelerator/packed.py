"""What `conftest.py` packs once for all tests of this folder."""

from dataclasses import dataclass
from pathlib import Path

from training.accelerator.unpack import Pack
from training.splits import Split
from training.table import Table

SHARES = {"ham10000": 0.5, "isic2017": 0.2, "melanoma10000": 0.3}


@dataclass(frozen=True)
class Packed:
    """A pack and what it was made of; `count` is what `pack` returned."""

    folder: Path
    table: Table
    split: Split
    count: int
    pack: Pack
