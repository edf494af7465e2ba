"""What decides a run on an accelerator beside the data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

_OF_THE_TAUGHT = {"epochs", "learning_rate", "consistency", "alone", "teachers", "distillation"}


@dataclass(frozen=True)
class Recipe:
    """How a network learns where steps cost next to nothing; recorded in the manifest.

    Every picture is shown beside a degraded copy of itself from the first step on, see `training.network.paired_loss`.

    Attributes:
        epochs: Each ends with a look at the validation images.
        steps: Of an epoch.
        batch: Pictures of a step, each shown twice.
        learning_rate: Of AdamW (Loshchilov 2019, arXiv:1711.05101), reached along a line and lowered along a cosine.
        warmup_steps: Length of that line.
        weight_decay: Of AdamW.
        weight_average: Momentum of the exponential moving average of the weights, which is what comes back.
        dropout: Before the head; a picture and its copy lose the same features.
        consistency: Weight of the relative squared difference between the two, reached along a straight line over the
            epochs after `alone`.
        alone: Share of the epochs before that.
        teachers: Networks that learn first, each from another seed and at the full side, without the front; they are
            like the network that they teach, or what `--teacher-weights` gives.
        teacher_epochs: As many epochs as they learn.
        teacher_learning_rate: Of theirs.
        distillation: Weight of what the teachers say beside the labels (Hinton 2015, arXiv:1503.02531), 0 to 1.
        seed: Of everything that is drawn.
    """

    epochs: int = 5
    steps: int = 200
    batch: int = 128
    learning_rate: float = 5e-4
    warmup_steps: int = 200
    weight_decay: float = 0.05
    weight_average: float = 0.998
    dropout: float = 0.2
    consistency: float = 60.0
    alone: float = 0.4
    teachers: int = 0
    teacher_epochs: int = 12
    teacher_learning_rate: float = 5e-4
    distillation: float = 0.7
    seed: int = 20264

    def consistency_in(self, epoch: int) -> float:
        """Weight of the consistency in an epoch, counted from 0."""
        first = round(self.alone * self.epochs)
        return self.consistency * max(0, epoch + 1 - first) / max(1, self.epochs - first)

    def describe(self) -> dict[str, Any]:
        """As plain values for the manifest."""
        return asdict(self)

    def describe_teacher(self) -> dict[str, Any]:
        """The part of it that decides what a teacher becomes."""
        return {name: value for name, value in asdict(self).items() if name not in _OF_THE_TAUGHT}
