"""The training loop: head warm-up, then end to end, in phases of growing image side; resumable after a kill."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from training.augment import augment, degrade
from training.labels import as_mask
from training.network import compute_in_bfloat16, paired_loss, partial_label_loss
from training.sampling import buckets, epoch_rows
from training.splits import Split
from training.table import Table
from training.workers import Workers

ALONE = Workers()

_APART = 1_000_003
"""Between the seeds of two processes: they must not augment alike."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training run beside the data; recorded in the manifest.

    Attributes:
        sources: Share of each training source in an epoch.
        phases: (image side in pixels, epochs) one after the other; a smaller side first costs less time per image.
        epoch_size: Images drawn per epoch; a checkpoint follows each.
        warmup_steps: Steps in which only the head learns, so that its random gradient does not shake the backbone.
        learning_rate: Peak, reached after the warm-up and then lowered along a cosine to zero.
        weight_average: Momentum of the exponential moving average of the weights that is exported.
        degraded_share: Share of the images that is shown re-encoded, as `augment.degrade` does it.
        paired_epochs: In the last so many epochs, each image is shown beside a re-encoded copy of itself.
        consistency: Weight of the relative squared difference between the malignant logits of the two, reached along
            a straight line over the paired epochs.
        compute: "f32", or "bf16" for mixed precision in the backbone.
    """

    sources: dict[str, float] = field(
        default_factory=lambda: {"ham10000": 0.45, "isic2017": 0.2, "melanoma10000": 0.35}
    )
    phases: tuple[tuple[int, int], ...] = ((224, 30),)
    epoch_size: int = 4000
    batch: int = 32
    warmup_steps: int = 120
    learning_rate: float = 2e-4
    head_learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    weight_average: float = 0.998
    degraded_share: float = 0.5
    paired_epochs: int = 20
    consistency: float = 60.0
    seed: int = 20260
    compute: str = "f32"

    @property
    def epochs(self) -> int:
        """Epochs over all phases."""
        return sum(count for _, count in self.phases)

    def side(self, epoch: int) -> int:
        """Image side in pixels of an epoch, counted from 0."""
        for side, count in self.phases:
            if epoch < count:
                return side
            epoch -= count
        raise IndexError("epoch after the last phase")

    def paired(self, epoch: int) -> bool:
        """Whether an epoch, counted from 0, shows pairs."""
        return epoch >= self.epochs - self.paired_epochs

    def consistency_in(self, epoch: int) -> float:
        """Weight of the consistency in an epoch, counted from 0; 0 where no pairs are shown."""
        return self.consistency * max(0, epoch + 1 - self.epochs + self.paired_epochs) / max(1, self.paired_epochs)

    def describe(self) -> dict[str, Any]:
        """The recipe as plain values for the manifest; nested ones as lists of "source:share" and "side:epochs"."""
        plain = asdict(self)
        plain["sources"] = [f"{name}:{share}" for name, share in self.sources.items()]
        plain["phases"] = [f"{side}:{count}" for side, count in self.phases]
        return plain


class Trainer:
    """Trains a network on a split, one checkpoint an epoch.

    Args:
        network: What `build_network` returned.
        recipe: How.
        table: The images.
        split: Their roles.
        folder: Where the checkpoint is kept; a run whose folder holds one goes on from there.
        workers: The processes that learn it together; each shows its part of every batch.

    Raises:
        ValueError: A batch cannot be divided evenly.
        BadCluster: The processes do not stand at the same epoch.
    """

    def __init__(  # noqa: PLR0913 - what a run depends on
        self,
        network: keras.Model,
        recipe: Recipe,
        table: Table,
        split: Split,
        folder: Path,
        *,
        workers: Workers = ALONE,
    ) -> None:
        if recipe.batch % (2 * workers.count):
            raise ValueError(f"a batch of {recipe.batch} images cannot be divided among {workers.count} processes")
        if recipe.compute == "bf16":
            compute_in_bfloat16(network)
        self.network, self.recipe, self.table, self.workers = network, recipe, table, workers
        self.buckets = buckets(table, split, tuple(recipe.sources))
        self.masks = as_mask(table.labels)
        steps = recipe.epochs * (recipe.epoch_size // recipe.batch)
        schedule = keras.optimizers.schedules.CosineDecay(recipe.learning_rate, steps)
        self.optimizer = keras.optimizers.AdamW(
            schedule, weight_decay=recipe.weight_decay, use_ema=True, ema_momentum=recipe.weight_average
        )
        self.optimizer.build(network.trainable_variables)
        self.head_optimizer = keras.optimizers.Adam(recipe.head_learning_rate)
        self.head_optimizer.build(network.get_layer("head").trainable_variables)
        self.epoch = tf.Variable(0, dtype=tf.int64)
        checkpoint = tf.train.Checkpoint(model=network, optimizer=self.optimizer, epoch=self.epoch)
        self.checkpoints = tf.train.CheckpointManager(checkpoint, str(folder), max_to_keep=2)
        if self.checkpoints.latest_checkpoint:
            # Restores eagerly; a checkpoint of another network fails here instead of training something odd.
            checkpoint.restore(self.checkpoints.latest_checkpoint).assert_existing_objects_matched()
        workers.check_same("the epoch that they start from", int(self.epoch))
        workers.adopt([*network.trainable_variables, *network.non_trainable_variables])

    def batches(self, epoch: int) -> tf.data.Dataset:
        """The augmented batches of one epoch: (float32[batch, side, side, 3], float32[batch, 7])."""
        recipe, side, paired = self.recipe, self.recipe.side(epoch), self.recipe.paired(epoch)
        shown = 2 if paired else 1
        rows = epoch_rows(self.buckets, recipe.sources, recipe.epoch_size // shown, recipe.seed, epoch)
        rows, batch = self.workers.part(rows), recipe.batch // shown // self.workers.count

        def read(chosen: Any) -> tuple[Any, Any]:
            order = np.sort(chosen)  # ascending reads are kinder to the memory-mapped file
            return self.table.pixels[order], self.masks[order]

        def load(chosen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            pixels, masks = tf.numpy_function(read, [chosen], (tf.uint8, tf.float32))
            pixels.set_shape((None, *self.table.pixels.shape[1:]))
            images, masks = augment(pixels, side), tf.ensure_shape(masks, (None, self.masks.shape[1]))
            if paired:
                return tf.concat([images, degrade(images)], 0), tf.concat([masks, masks], 0)
            chosen = tf.random.uniform((tf.shape(images)[0], 1, 1, 1)) < recipe.degraded_share
            return tf.where(chosen, degrade(images), images), masks

        data = tf.data.Dataset.from_tensor_slices(rows).batch(batch, drop_remainder=True)
        return data.map(load, num_parallel_calls=2).prefetch(2)

    def _step_function(self, variables: list[Any], optimizer: Any, *, paired: bool) -> Any:
        # Traced anew for each side: the front is made for one.
        @tf.function(autograph=False)  # type: ignore[untyped-decorator]  # it has no types
        def step(images: tf.Tensor, masks: tf.Tensor, consistency: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                # Dropout would make the two of a pair differ by itself.
                logits = self.network(images, training=not paired)
                if paired:
                    loss = paired_loss(masks, logits, consistency)
                else:
                    loss = tf.reduce_mean(partial_label_loss(masks, logits))
            gradients = self.workers.mean(tape.gradient(loss, variables))
            optimizer.apply_gradients(zip(gradients, variables, strict=True))
            return loss

        return step

    def _warm_up_head(self) -> None:
        """Train the linear head alone on the first batches."""
        step = self._step_function(
            self.network.get_layer("head").trainable_variables, self.head_optimizer, paired=False
        )
        batches = self.batches(0).repeat().take(self.recipe.warmup_steps)
        for images, masks in tqdm(batches, total=self.recipe.warmup_steps, desc="head warm-up", unit="batch"):
            step(images, masks, tf.constant(0.0))

    def fit(self, after_epoch: Any = None) -> None:
        """Train to the end of the recipe; afterwards the network holds the averaged weights.

        Args:
            after_epoch: Called with (epoch, mean loss) after each checkpoint.
        """
        keras.utils.set_random_seed(self.recipe.seed + int(self.epoch) + _APART * self.workers.index)
        if int(self.epoch) == 0:
            self._warm_up_head()
        variables = self.network.trainable_variables
        steps = {paired: self._step_function(variables, self.optimizer, paired=paired) for paired in (False, True)}
        for epoch in range(int(self.epoch), self.recipe.epochs):
            total = self.recipe.epoch_size // self.recipe.batch
            bar = tqdm(self.batches(epoch), total=total, unit="batch", desc=f"epoch {epoch + 1}/{self.recipe.epochs}")
            losses, step = [], steps[self.recipe.paired(epoch)]
            consistency = tf.constant(self.recipe.consistency_in(epoch))
            for images, masks in bar:
                losses.append(float(step(images, masks, consistency)))
                bar.set_postfix(loss=f"{np.mean(losses):.3f}", side=self.recipe.side(epoch))
            self.epoch.assign(epoch + 1)
            if not self.workers.chief:
                continue
            self.checkpoints.save()
            if after_epoch is not None:
                after_epoch(epoch, float(np.mean(losses)))
        self.optimizer.finalize_variable_values(self.network.trainable_variables)
