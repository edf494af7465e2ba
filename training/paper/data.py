"""The paper's data: the public melanoma set, its train folder split, and which test images training has copies of."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.labels import MALIGNANT
from training.splits import Split
from training.table import Table

SOURCE = "melanoma10000"
VALIDATION_SHARE = 0.15
"""The paper splits its 9,604 images into 8,164 to train on and 1,440 to validate on."""

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class PaperData:
    """Rows of the table.

    Attributes:
        training: To learn from.
        validation: To choose by; no picture of it, nor a copy, is in `training`.
        test: The source's own test folder.
        clean: bool[len(test)]: neither `training` nor `validation` has a copy of the picture.
    """

    training: Rows
    validation: Rows
    test: Rows
    clean: NDArray[np.bool_]

    def split(self, count: int) -> Split:
        """The same as the roles of all the table's images, of which there are so many."""
        roles = np.full(count, "removed", object)
        for role, rows in (("training", self.training), ("validation", self.validation), ("test", self.test)):
            roles[rows] = role
        return Split(roles.tolist())


def paper_data(table: Table, source: str = SOURCE) -> PaperData:
    """Splits a source with train and test folders as the paper does, but by pictures, so that none is in two parts.

    Raises:
        ValueError: The source is not there, or has no test folder, or a folder has one class alone.
    """
    given = np.array([image.given_split if image.source == source else "" for image in table.images])
    learned, test = np.flatnonzero(given == "train"), np.flatnonzero(given == "test")
    if any(len(set(malignant(table, rows).tolist())) < 2 for rows in (learned, test)):
        raise ValueError(
            f"the paper's experiment needs {source}/train and {source}/test, each with benign/ and malignant/"
        )
    draws = np.array([_lottery(int(table.copies[row])) for row in learned.tolist()])
    positive, chosen = malignant(table, learned), np.zeros(len(learned), np.bool_)
    for kind in (positive, ~positive):
        chosen[kind] = draws[kind] < np.quantile(draws[kind], VALIDATION_SHARE)
    # A picture that is in both halves goes with its copies.
    kept_back = np.isin(table.copies[learned], table.copies[learned[chosen]])
    clean = ~np.isin(table.copies[test], table.copies[learned])
    return PaperData(learned[~kept_back], learned[kept_back], test, clean)


def malignant(table: Table, rows: Rows) -> NDArray[np.bool_]:
    """bool[len(rows)]: what the folder says; copies in other sources are not asked, as the paper did not."""
    return np.array([bool(table.images[row].label) and table.images[row].label <= MALIGNANT for row in rows.tolist()])


def _lottery(group: int) -> float:
    """The same number for all copies of a picture."""
    return int.from_bytes(hashlib.sha256(f"paper {group}".encode()).digest()[:8], "big") / 2**64
