"""A pack of small pictures, written once for all tests of this folder."""

from dataclasses import replace
from pathlib import Path

import keras
import pytest

from tests.training.accelerator.packed import SHARES, Packed
from tests.training.built import Data
from training.accelerator.learned import weights_of
from training.accelerator.pack import Task, pack
from training.accelerator.recipe import Recipe
from training.accelerator.unpack import unpack

QUICK = Recipe(epochs=4, steps=12, batch=8, learning_rate=1e-3, warmup_steps=10, weight_average=0.8, consistency=0.05)


@pytest.fixture(scope="session")
def packed(data: Data, network: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Packed:
    """Every fourth pixel of the painted images: 56 of a side."""
    folder = tmp_path_factory.mktemp("pack") / "pack"
    table = replace(data.table, pixels=data.table.pixels[:, ::4, ::4])
    task = Task("classifier", data.split, SHARES, QUICK, {"base": "none"})
    count = pack(table, [task], weights_of(network), folder)
    return Packed(folder, table, data.split, count, unpack(folder))


@pytest.fixture
def copied(packed: Packed, tmp_path: Path) -> Path:
    """A copy of the pack that a test may spoil."""
    for file in packed.folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path
