"""What the commands of `python -m training data` do."""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np

from training.fetch import fetch
from training.index import COLUMNS, write_index
from training.sources import read_sources, unnamed
from training.splits import ROLES, split
from training.table import Table, build_table


def _table(options: argparse.Namespace) -> Table:
    return build_table(read_sources(options.data), options.cache)


def show(options: argparse.Namespace) -> None:
    """Print what the data folder holds and where each image goes."""
    table = _table(options)
    counts = split(table).counts(table)
    print(f"{'source':20}" + "".join(f"{role:>12}" for role in ROLES))
    for source, count in sorted(counts.items()):
        print(f"{source:20}" + "".join(f"{count[role]:>12}" for role in ROLES))
    for source, number in unnamed(options.data, table.images).items():
        print(f"{number} photographs of {source} take no part: no table names them, or not as dermoscopic.")
    silent = Counter(image.source for image in table.images if not image.label)
    for source, number in sorted(silent.items()):
        print(f"{number} images of {source} have no label that is known here.")
    copies = np.bincount(table.copies)[table.copies] > 1
    print(f"{int(copies.sum())} of {len(copies)} images have a copy in the same or another source.")


def index(options: argparse.Namespace) -> None:
    """Write one table of all images."""
    table = _table(options)
    file = options.out / "index.csv"
    write_index(table, split(table), options.data, file)
    print(f"{len(table.images)} images, {len(COLUMNS)} columns: {file}")


def leaks(options: argparse.Namespace) -> None:
    """Write the leak report."""
    from training.leaks import find_leaks, write_leaks  # noqa: PLC0415

    table = _table(options)
    roles = split(table)
    print(write_leaks(find_leaks(table, roles), table, roles, options.out))
    print(f"Sheets of thumbnails and every copy: {options.out}")


def confounders(options: argparse.Namespace) -> None:
    """Write the confounder report."""
    from training.confounders import find_confounders, write_confounders  # noqa: PLC0415  # matplotlib, scikit-learn

    table = _table(options)
    print(write_confounders(find_confounders(table), table, options.out))
    print(f"Every image's figures and the plot: {options.out}")


def get(options: argparse.Namespace) -> None:
    """Fetch collections of the ISIC Archive."""
    fetch(options.collections, options.to, limit=options.limit)
    print(f"fetched into {options.to}; python -m training data index --data {options.to} reads it")
