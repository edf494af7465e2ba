"""The loop on an accelerator: whole epochs in one call, with every image in the device's memory."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

from training.accelerator.losses import inconsistency, malignant_logit, partial_label_loss, taught
from training.accelerator.network import Array, Weights, head, pooled_features
from training.accelerator.pictures import degrade, vary
from training.accelerator.recipe import Recipe
from training.accelerator.unpack import Job, Pack

CLIPPED = 1.0
"""Norm of a gradient beyond which it is scaled down: bfloat16 now and then makes a wild one."""
WATCHED = 256
"""Validation images at a time."""

History = list[dict[str, float]]


class Data(NamedTuple):
    """What is on the device: uint8[n, side, side, 3], float32[n, 7], bool[7], and the teachers' weights."""

    pixels: Array
    masks: Array
    benign: Array
    teachers: list[list[Array]]


class State(NamedTuple):
    """What changes from step to step."""

    weights: list[Array]
    average: list[Array]
    optimizer: Any


class Drawn(NamedTuple):
    """What a step is given: int[batch] rows, learning rate, weight of the consistency, random key; or all steps'."""

    rows: Array
    rate: Array
    consistency: Array
    key: Array


def on_device(pack: Pack) -> Data:
    """The images of a pack on the device, without teachers."""
    return Data(jnp.asarray(pack.pixels), jnp.asarray(pack.masks), jnp.asarray(pack.benign), [])


def learn(pack: Pack, data: Data, job: Job, recipe: Recipe) -> tuple[list[NDArray[np.float32]], History]:
    """Learns a job's network, its teachers before it.

    Args:
        pack: What was sent.
        data: Its images on the device.
        job: What to learn.
        recipe: How.

    Returns:
        The averaged weights in Keras's order, and loss and validation AUC by epoch.
    """
    start = [jnp.asarray(values) for values in pack.weights]
    begun = partial(_run, start=start, job=job, recipe=recipe)
    teachers = [begun(data=data, whole=True, number=number)[0] for number in range(1, recipe.teachers + 1)]
    weights, history = begun(data=data._replace(teachers=teachers), whole=False, number=0)
    return [np.asarray(values, np.float32) for values in weights], history


def _run(  # noqa: PLR0913 - what a run depends on
    *, start: list[Array], data: Data, job: Job, recipe: Recipe, whole: bool, number: int
) -> tuple[list[Array], History]:
    """One network, or the teacher of that number, which sees every pixel."""
    title = f"{job.name}: teacher {number}" if whole else job.name
    epochs = recipe.teacher_epochs if whole else recipe.epochs
    rate_at = optax.warmup_cosine_decay_schedule(
        0.0, recipe.learning_rate, recipe.warmup_steps, max(epochs * recipe.steps, recipe.warmup_steps + 1)
    )
    loop = _Loop(recipe, whole)
    state = State([jnp.copy(values) for values in start], [jnp.copy(values) for values in start], loop.begun(start))
    random = np.random.default_rng([recipe.seed, number])
    key = jax.random.fold_in(jax.random.key(recipe.seed), number)
    history: History = []
    for epoch in (bar := tqdm(range(epochs), desc=title, unit="epoch")):
        rows = random.choice(len(job.chance), (recipe.steps, recipe.batch), p=job.chance / job.chance.sum())
        drawn = Drawn(
            rows=jnp.asarray(rows),
            rate=rate_at(np.arange(epoch * recipe.steps, (epoch + 1) * recipe.steps)),
            consistency=jnp.full(recipe.steps, 0.0 if whole else recipe.consistency_in(epoch)),
            key=jax.random.split(jax.random.fold_in(key, epoch), recipe.steps),
        )
        state, loss = loop.epoch(state, data, drawn)
        line = {"epoch": epoch, "loss": float(loss), "validation_auc": validation_auc(state.average, data, job, whole)}
        history.append(line)
        bar.write(f"{title}: epoch {epoch + 1}/{epochs}, loss {loss:.4f}, validation AUC {line['validation_auc']:.4f}")
    return state.average, history


@dataclass(frozen=True)
class _Loop:
    """What does not change from run to run; compiled once for all that learn alike."""

    recipe: Recipe
    whole: bool

    def begun(self, weights: list[Array]) -> Any:
        """The optimizer's state before the first step."""
        return _optimizer(self.recipe.weight_decay).init(weights)

    @partial(jax.jit, static_argnums=0, donate_argnums=1)
    def epoch(self, state: State, data: Data, drawn: Drawn) -> tuple[State, Array]:
        """All steps of an epoch, and their mean loss."""
        state, losses = jax.lax.scan(lambda state, one: self._step(state, data, one), state, drawn)
        return state, jnp.mean(losses)

    def _step(self, state: State, data: Data, drawn: Drawn) -> tuple[State, Array]:
        shown_key, dropout_key = jax.random.split(drawn.key)
        images, shown, masks = self._shown(shown_key, data, drawn.rows)
        says = _taught_by(data.teachers, images)

        def loss_of(weights: Weights) -> Array:
            logits = self._logits(weights, shown, dropout_key, len(drawn.rows))
            loss = jnp.mean(partial_label_loss(masks, logits))
            if says is not None:
                taught_loss = jnp.mean(taught(jnp.concatenate([says, says]), logits))
                loss = (1 - self.recipe.distillation) * loss + self.recipe.distillation * taught_loss
            return loss if self.whole else loss + drawn.consistency * inconsistency(logits, data.benign)

        loss, gradients = jax.value_and_grad(loss_of)(state.weights)
        updates, optimizer = _optimizer(self.recipe.weight_decay).update(gradients, state.optimizer, state.weights)
        weights = [values - drawn.rate * update for values, update in zip(state.weights, updates, strict=True)]
        average = optax.incremental_update(weights, state.average, 1 - self.recipe.weight_average)
        return State(weights, average, optimizer), loss

    def _shown(self, key: Array, data: Data, rows: Array) -> tuple[Array, Array, Array]:
        """Varied images, what the network sees of them, and the masks of that: pairs, or for a teacher one of each."""
        vary_key, degrade_key, choose_key = jax.random.split(key, 3)
        images, masks = vary(vary_key, data.pixels[rows]), data.masks[rows]
        copies = degrade(degrade_key, images)
        if self.whole:
            chosen = jax.random.bernoulli(choose_key, 0.5, (len(rows), 1, 1, 1))
            return images, jnp.where(chosen, copies, images), masks
        return images, jnp.concatenate([images, copies]), jnp.concatenate([masks, masks])

    def _logits(self, weights: Weights, shown: Array, key: Array, pictures: int) -> Array:
        """With dropout; a picture and its copy lose the same features, or they would differ by that alone."""
        features = pooled_features(weights, shown, whole=self.whole)
        kept = jax.random.bernoulli(key, 1 - self.recipe.dropout, (pictures, features.shape[1]))
        kept = jnp.tile(kept, (len(shown) // pictures, 1))
        return head(weights, features * kept / (1 - self.recipe.dropout))


@cache
def _optimizer(weight_decay: float) -> optax.GradientTransformation:
    """AdamW but for the learning rate."""
    return optax.chain(
        optax.clip_by_global_norm(CLIPPED), optax.scale_by_adam(), optax.add_decayed_weights(weight_decay)
    )


def _taught_by(teachers: list[list[Array]], images: Array) -> Array | None:
    """The mean of what teachers say of images, float32[batch, 7], or None without teachers."""
    if not teachers:
        return None
    said = [jax.nn.softmax(head(one, pooled_features(one, images, whole=True))) for one in teachers]
    return jnp.mean(jnp.stack(said), axis=0)


@partial(jax.jit, static_argnums=3)
def _malignancy(weights: list[Array], data: Data, rows: Array, whole: bool) -> Array:
    images = data.pixels[rows].astype(jnp.float32)
    return malignant_logit(head(weights, pooled_features(weights, images, whole=whole)), data.benign)


def validation_auc(weights: list[Array], data: Data, job: Job, whole: bool) -> float:
    """AUC of malignant against benign on a job's validation images, seen whole or through the front."""
    count = len(job.validation)
    rows = np.resize(job.validation, -(-count // WATCHED) * WATCHED)
    parts = [_malignancy(weights, data, jnp.asarray(part), whole) for part in np.split(rows, len(rows) // WATCHED)]
    return float(roc_auc_score(job.malignant, np.concatenate(parts)[:count]))
