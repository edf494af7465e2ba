from pathlib import Path

import numpy as np

from model_store.runtime import load_directory
from tests.training.built import Data
from training import scoring
from training.scoring import score


def test_rows_come_back_in_their_order_whatever_the_batch(exported: Path, data: Data) -> None:
    runtime = load_directory(exported)
    rows = [7, 3, 250, 3, *range(40, 40 + scoring.BATCH)]
    found = score(runtime, data.table.pixels, rows, "scoring")
    assert {len(values) for values in found.values()} == {len(rows)}
    for place in (0, 1, 3, scoring.BATCH, len(rows) - 1):
        alone = runtime.run(np.ascontiguousarray(data.table.pixels[rows[place]][None]))
        for name, values in alone.items():
            assert (found[name][place] == values[0]).all(), name
