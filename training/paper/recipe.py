"""The paper's recipe, and what of it this machine can bear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PaperRecipe:
    """How every network of the comparison learns.

    Attributes:
        side: Of the pictures in pixels.
        batch: Images at a time.
        learning_rate: Of Adagrad (Duchi 2011).
        epochs: At most; early stopping may end it. What learns end to end has as many, after its top has learned alone.
        dropout: Before the last layer.
        views: A frozen base sees every image once as it is and so many times turned, see `training.augment.turn`; each
            epoch takes one of them. What we do to pictures against confounders is not the paper's.
        scratch_side: Of what starts from random weights: as much as it can be given here.
        scratch_epochs: As many as that can be given here.
        patience: Epochs without a better validation loss after which the learning rate is halved; after twice as many
            it ends.
        seed: Of everything that is drawn.
    """

    side: int = 224
    batch: int = 32
    learning_rate: float = 0.01
    epochs: int = 10
    dropout: float = 0.3
    views: int = 3
    scratch_side: int = 64
    scratch_epochs: int = 3
    patience: int = 2
    seed: int = 20260

    def describe(self) -> dict[str, Any]:
        """As plain values."""
        return dict(vars(self))
