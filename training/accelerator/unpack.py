"""Reads a pack on the accelerator's side; see `training.accelerator.pack` for what is in it."""

from __future__ import annotations

import hashlib
import io
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

FORMAT = 2
INDEX, ARRAYS = "pack.json", "pack.npz"


class BadPack(ValueError):
    """The folder holds no pack that this program reads; the message says why."""


@dataclass(frozen=True)
class Job:
    """One network that is to be learned.

    Attributes:
        name: Of its file.
        recipe: How, see `training.accelerator.recipe.Recipe`.
        described: What its file says of where it comes from.
        chance: float64[n], how often each image is drawn; the images that it may learn from, and only they, are not 0.
        validation: int64[m], the images that it is looked at with.
        malignant: bool[m], what they are.
    """

    name: str
    recipe: dict[str, Any]
    described: dict[str, Any]
    chance: NDArray[np.float64]
    validation: NDArray[np.int64]
    malignant: NDArray[np.bool_]


@dataclass(frozen=True)
class Pack:
    """Everything that learning needs.

    Attributes:
        pixels: uint8[n, side, side, 3].
        masks: float32[n, 7], 1 where the label leaves a diagnosis open.
        benign: bool[7], which diagnoses are.
        weights: Of the network that all begin with, in Keras's order.
        jobs: What is to be learned.
    """

    pixels: NDArray[np.uint8]
    masks: NDArray[np.float32]
    benign: NDArray[np.bool_]
    weights: list[NDArray[np.float32]]
    jobs: list[Job]


def unpack(folder: Path) -> Pack:
    """Reads a pack.

    Raises:
        BadPack: It is none, of another format, or a part is missing or not what was packed.
    """
    try:
        described = json.loads((folder / INDEX).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BadPack(f"{folder} holds no pack: {error}") from error
    if described.get("format") != FORMAT:
        raise BadPack(f"{folder} is of format {described.get('format')}; this program reads {FORMAT}")
    _check_files(folder, described["digests"])
    arrays = dict(np.load(folder / ARRAYS))
    count = sum(name.startswith("weight-") for name in arrays)
    jobs = [
        Job(
            name=name,
            recipe=job["recipe"],
            described=job,
            chance=arrays[f"{name}-chance"],
            validation=arrays[f"{name}-validation"],
            malignant=arrays[f"{name}-malignant"],
        )
        for name, job in described["jobs"].items()
    ]
    return Pack(
        pixels=_pictures(folder, described["parts"], arrays["ends"]),
        masks=arrays["masks"],
        benign=arrays["benign"],
        weights=[arrays[f"weight-{number}"] for number in range(count)],
        jobs=jobs,
    )


def digest_of(file: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _check_files(folder: Path, digests: dict[str, str]) -> None:
    missing = [name for name in digests if not (folder / name).is_file()]
    if missing:
        raise BadPack(f"{folder} lacks {', '.join(missing)}")
    damaged = [name for name, digest in digests.items() if digest_of(folder / name) != digest]
    if damaged:
        raise BadPack(f"{folder} has a {' and '.join(damaged)} that is not the one which was packed: bring it again")


def _pictures(folder: Path, parts: list[str], ends: NDArray[np.int64]) -> NDArray[np.uint8]:
    stored = memoryview(b"".join((folder / name).read_bytes() for name in parts))

    def decoded(number: int) -> NDArray[np.uint8]:
        begin = ends[number - 1] if number else 0
        return np.asarray(Image.open(io.BytesIO(stored[begin : ends[number]])).convert("RGB"))

    with ThreadPoolExecutor() as pool:
        return np.stack(list(tqdm(pool.map(decoded, range(len(ends))), total=len(ends), desc="images", unit="img")))
