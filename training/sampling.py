"""Which images an epoch shows: sources and classes evenly, whatever their numbers."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from training.labels import BENIGN, MALIGNANT, class_of
from training.splits import Split
from training.table import Table


def buckets(table: Table, split: Split, sources: tuple[str, ...]) -> dict[tuple[str, str], list[int]]:
    """Training rows by source and class; what is only known to be malignant is a class of its own."""
    found: dict[tuple[str, str], list[int]] = {}
    for source in sources:
        for row in split.rows("training", source, table):
            label = table.labels[row]
            kind = class_of(label) or ("malignant" if label <= MALIGNANT else "any")
            found.setdefault((source, kind), []).append(row)
    return found


def epoch_rows(
    parts: dict[tuple[str, str], list[int]], weights: dict[str, float], size: int, seed: int, epoch: int
) -> NDArray[np.int64]:
    """Draw one epoch.

    Half of a source's share is benign, the other half is divided evenly among its malignant classes (all of it,
    where there is nothing benign); inside a class every image is as likely as any other. The draw depends on `seed`
    and `epoch` alone, so a resumed run sees what an unbroken one would.

    Args:
        parts: What `buckets` returned.
        weights: Share of each source, in any unit.
        size: Images to draw.
        seed: Seed of the run.
        epoch: Number of the epoch.

    Returns:
        int64[size], rows of the table in random order.
    """
    rng = np.random.default_rng([seed, epoch])
    keys = sorted(parts)
    counts = rng.multinomial(size, _shares(keys, weights))
    drawn = [rng.choice(parts[key], count) for key, count in zip(keys, counts, strict=True)]
    return rng.permutation(np.concatenate(drawn)).astype(np.int64)


def chances(parts: dict[tuple[str, str], list[int]], weights: dict[str, float]) -> dict[int, float]:
    """How likely each training row is to be the next one of an epoch, as `epoch_rows` draws them; they sum to 1."""
    keys = sorted(parts)
    return {
        row: share / len(parts[key])
        for key, share in zip(keys, _shares(keys, weights).tolist(), strict=True)
        for row in parts[key]
    }


def _shares(keys: list[tuple[str, str]], weights: dict[str, float]) -> NDArray[np.float64]:
    """Of each bucket in an epoch; they sum to 1."""
    benign_name = class_of(BENIGN)
    sides = Counter((source, kind == benign_name) for source, kind in keys)
    # A source that has one side alone gives it the whole of its share.
    halves = Counter(source for source, _ in sides)
    shares = [weights[source] / sides[source, kind == benign_name] / halves[source] for source, kind in keys]
    return np.array(shares) / sum(shares)
