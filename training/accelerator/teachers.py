"""What teachers are, and where they are kept once they have learned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.accelerator.efficientnet_lite import FEATURES, LITES, EfficientNetLite
from training.accelerator.layers import Features
from training.accelerator.network import whole_features
from training.accelerator.recipe import Recipe
from training.accelerator.stored import BadWeights, History, Learned, read_learned, write_learned
from training.accelerator.unpack import Job, Pack

DIAGNOSES = 7

OTHERWISE = "by another recipe or from other images: move it away to learn it anew"


@dataclass(frozen=True)
class Teacher:
    """A teacher before it has learned.

    Attributes:
        features: The network but for its head; it sees every pixel.
        start: The weights that it begins with.
        described: Which network, and where its weights come from; "" for the network that is to be taught.
    """

    features: Features
    start: list[NDArray[np.float32]]
    described: str = ""


def same_network(pack: Pack) -> Teacher:
    """The network that is to be taught, without its front."""
    return Teacher(whole_features, pack.weights)


def shapes(lite: EfficientNetLite) -> list[tuple[int, ...]]:
    """Of all weights of a network with a head for the diagnoses."""
    pairs = [*lite.kernels(), (FEATURES, DIAGNOSES)]
    return [shape for kernel in pairs for shape in (kernel, (kernel[-1] if kernel[-1] > 1 else kernel[-2],))]


def read_teacher(file: Path) -> Teacher:
    """Reads what `python -m training.accelerator.teacher_weights` wrote.

    Raises:
        BadWeights: It did not write this file.
        OSError: The file cannot be read.
    """
    learned = read_learned(file)
    lite = next((lite for lite in LITES if lite.name == learned.described.get("network")), None)
    if lite is None or [values.shape for values in learned.weights] != shapes(lite):
        raise BadWeights(f"{file} holds no network that could teach; training.accelerator.teacher_weights makes one")
    described = f"{lite.name}: {learned.described['source']} (sha256 {learned.described['sha256']})"
    return Teacher(lite, learned.weights, described)


@dataclass(frozen=True)
class Course:
    """How a job is learned, and where its teachers are kept.

    Attributes:
        job: What to learn.
        recipe: How.
        teacher: What its teachers begin as, if the recipe has some.
        folder: Where they are kept, one file each.
    """

    job: Job
    recipe: Recipe
    teacher: Teacher
    folder: Path

    def kept(self, number: int) -> list[NDArray[np.float32]] | None:
        """The weights of the teacher of that number, counted from 1, or None if it has not learned yet.

        Raises:
            BadWeights: It was learned otherwise than it would be now.
            OSError: It cannot be read.
        """
        file = self._file(number)
        if not file.is_file():
            return None
        learned = read_learned(file)
        if learned.described != self._described(number):
            raise BadWeights(f"{file} was learned {OTHERWISE}")
        return learned.weights

    def keep(self, number: int, weights: list[NDArray[np.float32]], history: History) -> None:
        """Writes a teacher's file, in half precision.

        Raises:
            OSError: It cannot be written.
        """
        write_learned(self._file(number), Learned(weights, self._described(number), history))

    def _file(self, number: int) -> Path:
        return self.folder / f"{self.job.name}-teacher-{number}.npz"

    def _described(self, number: int) -> dict[str, Any]:
        how = {"recipe": self.recipe.describe_teacher(), "network": self.teacher.described, "number": number}
        return {**self.job.described, **how}
