"""Reads a pack on the accelerator's side; see `training.accelerator.pack` for what is in it."""

from __future__ import annotations

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

FORMAT = 1


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
        BadPack: It is none, of another format, or a part is missing.
    """
    try:
        described = json.loads((folder / "pack.json").read_text("utf-8"))
        arrays = dict(np.load(folder / "pack.npz"))
    except (OSError, ValueError) as error:
        raise BadPack(f"{folder} holds no pack: {error}") from error
    if described.get("format") != FORMAT:
        raise BadPack(f"{folder} is of format {described.get('format')}; this program reads {FORMAT}")
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


def _pictures(folder: Path, parts: int, ends: NDArray[np.int64]) -> NDArray[np.uint8]:
    files = [folder / f"images-{part}.bin" for part in range(parts)]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise BadPack(f"{folder} lacks {', '.join(missing)}")
    stored = memoryview(b"".join(file.read_bytes() for file in files))
    if len(stored) != ends[-1]:
        raise BadPack(f"the images of {folder} have {len(stored)} bytes instead of {ends[-1]}")

    def decoded(number: int) -> NDArray[np.uint8]:
        begin = ends[number - 1] if number else 0
        return np.asarray(Image.open(io.BytesIO(stored[begin : ends[number]])).convert("RGB"))

    with ThreadPoolExecutor() as pool:
        return np.stack(list(tqdm(pool.map(decoded, range(len(ends))), total=len(ends), desc="images", unit="img")))
