"""The one table that training and evaluation read: images, prepared pixels, duplicate groups, settled labels."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from dermoscopy.errors import ImageError
from dermoscopy.prepare import PREPROCESSING_VERSION, SIDE, prepare
from training.duplicates import THUMBNAIL, duplicate_pairs, groups, thumbnail
from training.images import Image, SourceError
from training.labels import Label

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Table:
    """All images of all sources, row for row.

    Attributes:
        images: n images.
        pixels: uint8[n, 224, 224, 3], mapped from disk.
        copies: int64[n]: pictures with the same number are copies of each other.
        lesions: int64[n]: pictures with the same number are copies, or show the same recorded lesion or patient.
        labels: n settled labels: what all copies of a picture say together; empty if they contradict each other.
    """

    images: list[Image]
    pixels: NDArray[np.uint8]
    copies: NDArray[np.int64]
    lesions: NDArray[np.int64]
    labels: list[Label]


def settle_labels(images: list[Image], copies: NDArray[np.int64]) -> list[Label]:
    """Give every copy of a picture what all its copies say together.

    A copy labelled "malignant" in one source and "melanoma" in another is a melanoma; copies that contradict each other
    get the empty label, which no split takes.
    """
    known: dict[int, Label] = {}
    for image, group in zip(images, copies.tolist(), strict=True):
        if image.label:
            known[group] = known.get(group, image.label) & image.label
    return [known.get(group, frozenset()) for group in copies.tolist()]


def lesion_pairs(images: list[Image]) -> NDArray[np.int64]:
    """int64[pairs, 2]: images of one source that record the same lesion.

    Where a picture of a patient has no lesion of its own, all pictures of the patient go together: it may show any of
    their lesions.
    """
    loose = {(one.source, one.clinical.patient) for one in images if one.lesion in {"", one.clinical.patient}}
    members: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for row, image in enumerate(images):
        patient = image.clinical.patient
        if patient and (image.source, patient) in loose:
            members["patient", image.source, patient].append(row)
        if image.lesion:
            members["lesion", image.source, image.lesion].append(row)
    return np.array([(rows[0], row) for rows in members.values() for row in rows[1:]], np.int64).reshape(-1, 2)


def _fingerprint(images: list[Image]) -> str:
    found = [(image.path, image.path.stat()) for image in images]
    # The time, too: a picture may be exchanged for one of the same size.
    described = [PREPROCESSING_VERSION, *(f"{path} {status.st_size} {status.st_mtime_ns}" for path, status in found)]
    return hashlib.sha256(json.dumps(described).encode()).hexdigest()[:16]


@contextmanager
def _filled(folder: Path) -> Iterator[Path]:
    """A place to write into, which becomes the folder when all is there; of two commands at once the first one's stays.

    Each has a place of its own: in one of both, what one writes the other takes for finished.
    """
    partial = folder.with_name(f".{folder.name}.partial-{secrets.token_hex(4)}")
    partial.mkdir(parents=True)
    try:
        yield partial
        _rename(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _rename(partial: Path, folder: Path) -> None:
    try:
        partial.rename(folder)
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise


def _new_pixels(partial: Path, shape: tuple[int, ...]) -> np.memmap[Any, np.dtype[np.uint8]]:
    """Pixels in a file that has all its room already: where a disk is full, writing to a map of it kills the process.

    Raises:
        OSError: There is not enough room.
    """
    file = partial / "pixels.npy"
    pixels = np.lib.format.open_memmap(file, mode="w+", dtype=np.uint8, shape=shape)
    with file.open("r+b") as opened:
        os.posix_fallocate(opened.fileno(), 0, file.stat().st_size)
    return pixels


def _prepare_all(images: list[Image], partial: Path) -> None:
    """Write prepared pixels and thumbnails of every image, and which are copies."""
    pixels = _new_pixels(partial, (len(images), SIDE, SIDE, 3))
    thumbnails = np.empty((len(images), THUMBNAIL, THUMBNAIL), np.float32)

    def work(row: int) -> None:
        try:
            pixels[row] = prepare(images[row].path.read_bytes()).pixels
        except ImageError as error:
            # Its message is made for a client who sent one image; here it is one of thousands.
            raise SourceError(f"{images[row].path} cannot be read: {error}") from error
        thumbnails[row] = thumbnail(pixels[row])

    with ThreadPoolExecutor(4) as pool:
        list(tqdm(pool.map(work, range(len(images))), total=len(images), desc="preparing images", unit="img"))
    pixels.flush()
    np.save(partial / "thumbnails.npy", thumbnails)
    np.save(partial / "pairs.npy", duplicate_pairs(thumbnails))


def _change_all(table: Table, name: str, change: Callable[[Pixels], Pixels], partial: Path) -> None:
    pixels, count = _new_pixels(partial, table.pixels.shape), len(table.images)

    def work(row: int) -> None:
        pixels[row] = change(table.pixels[row])

    with ThreadPoolExecutor(4) as pool:
        list(tqdm(pool.map(work, range(count)), total=count, desc=name, unit="img"))
    pixels.flush()


def changed_table(table: Table, name: str, change: Callable[[Pixels], Pixels], cache: Path) -> Table:
    """The same images with other pixels, made once.

    Args:
        table: The images.
        name: Of the change.
        change: Takes and gives uint8[224, 224, 3].
        cache: Folder for prepared pixels.
    """
    folder = cache / f"{_fingerprint(table.images)}-{name}"
    if not folder.is_dir():
        with _filled(folder) as partial:
            _change_all(table, name, change, partial)
    return replace(table, pixels=np.load(folder / "pixels.npy", mmap_mode="r"))


def build_table(images: list[Image], cache: Path) -> Table:
    """Prepare every image (once: later calls read the cache), find copies, settle labels.

    Args:
        images: What `read_sources` found.
        cache: Folder for prepared pixels, about 150 kB an image; keyed by the files (path, size, time of change) and
            the preprocessing version.

    Raises:
        SourceError: A file cannot be decoded; the message names it.
        OSError: A file cannot be read, or the cache has not enough room.
    """
    folder = cache / _fingerprint(images)
    if not folder.is_dir():
        with _filled(folder) as partial:
            _prepare_all(images, partial)
    copy_pairs = np.load(folder / "pairs.npy")
    copies = groups(len(images), copy_pairs)
    lesions = groups(len(images), np.concatenate([copy_pairs, lesion_pairs(images)]))
    pixels = np.load(folder / "pixels.npy", mmap_mode="r")
    return Table(images, pixels, copies, lesions, settle_labels(images, copies))
