"""The loop on an accelerator: whole epochs in one call, with every image in the device's memory."""

from __future__ import annotations

from collections.abc import Sequence
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
    """The pack's images on the device: see `unpack.Pack`."""

    pixels: Array
    masks: Array
    benign: Array


class State(NamedTuple):
    """What changes from step to step."""

    weights: list[Array]
    average: list[Array]
    optimizer: Any


class Drawn(NamedTuple):
    """What a step is given, or all steps of an epoch: int[batch] rows, the learning rate, a random key."""

    rows: Array
    rate: Array
    key: Array


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
    teachers: list[list[Array]] = []
    for number in range(recipe.teachers):
        average, _ = _run(pack, data, job, recipe, f"teacher {number + 1}", seed=number + 1, teachers=None)
        teachers.append(average)
    weights, history = _run(pack, data, job, recipe, "network", seed=0, teachers=teachers)
    return [np.asarray(values, np.float32) for values in weights], history


def _run(  # noqa: PLR0913 - what a run depends on
    pack: Pack, data: Data, job: Job, recipe: Recipe, title: str, *, seed: int, teachers: list[list[Array]] | None
) -> tuple[list[Array], History]:
    """One network; one that is a teacher itself has None for teachers."""
    whole = teachers is None
    epochs = recipe.teacher_epochs if whole else recipe.epochs
    steps = np.arange(epochs * recipe.steps).reshape(epochs, recipe.steps)
    rate_at = optax.warmup_cosine_decay_schedule(0.0, recipe.learning_rate, recipe.warmup_steps, steps.size)
    optimizer, epoch_of = _compiled(recipe, whole=whole)
    begin = [jnp.asarray(values) for values in pack.weights]
    state = State(begin, [jnp.copy(values) for values in begin], optimizer.init(begin))
    random = np.random.default_rng([recipe.seed, seed])
    key = jax.random.fold_in(jax.random.key(recipe.seed), seed)
    history: History = []
    for epoch in tqdm(range(epochs), desc=f"{job.name}: {title}", unit="epoch"):
        rows = random.choice(len(job.chance), (recipe.steps, recipe.batch), p=job.chance / job.chance.sum())
        consistency = 0.0 if whole else recipe.consistency_in(epoch)
        drawn = Drawn(
            jnp.asarray(rows), rate_at(steps[epoch]), jax.random.split(jax.random.fold_in(key, epoch), recipe.steps)
        )
        state, loss = epoch_of(state, data, teachers or [], drawn, jnp.float32(consistency))
        auc = validation_auc(state.average, data, job, whole=whole)
        history.append({"epoch": epoch, "loss": float(loss), "validation_auc": auc})
        tqdm.write(f"{job.name}: {title}: epoch {epoch + 1}/{epochs}, loss {float(loss):.4f}, validation AUC {auc:.4f}")
    return state.average, history


@cache
def _compiled(recipe: Recipe, *, whole: bool) -> tuple[Any, Any]:
    """The optimizer, but for the learning rate, and an epoch's function: compiled once for all that learn alike."""
    optimizer = optax.chain(
        optax.clip_by_global_norm(CLIPPED), optax.scale_by_adam(), optax.add_decayed_weights(recipe.weight_decay)
    )
    return optimizer, jax.jit(partial(_epoch, partial(_step, optimizer, recipe, whole=whole)), donate_argnums=0)


def _epoch(
    step: Any, state: State, data: Data, teachers: list[list[Array]], drawn: Drawn, consistency: Array
) -> tuple[State, Array]:
    """All steps of an epoch, and their mean loss."""

    def one(state: State, drawn: Drawn) -> tuple[State, Array]:
        return step(state, data, teachers, drawn, consistency)  # type: ignore[no-any-return]  # a partial

    state, losses = jax.lax.scan(one, state, drawn)
    return state, jnp.mean(losses)


def _step(  # noqa: PLR0913 - what a step depends on
    optimizer: Any,
    recipe: Recipe,
    state: State,
    data: Data,
    teachers: list[list[Array]],
    drawn: Drawn,
    consistency: Array,
    *,
    whole: bool,
) -> tuple[State, Array]:
    rows, rate, key = drawn
    vary_key, degrade_key, choose_key, drop_key = jax.random.split(key, 4)
    images, masks = vary(vary_key, data.pixels[rows]), data.masks[rows]
    copies = degrade(degrade_key, images)
    if whole:
        # Alone it sees each picture once, as it is or degraded.
        shown = jnp.where(jax.random.bernoulli(choose_key, 0.5, (len(rows), 1, 1, 1)), copies, images)
    else:
        shown, masks = jnp.concatenate([images, copies]), jnp.concatenate([masks, masks])
    target = [jax.nn.softmax(head(one, pooled_features(one, images, whole=True))) for one in teachers]

    def loss_of(weights: Weights) -> Array:
        features = pooled_features(weights, shown, whole=whole)
        kept = jax.random.bernoulli(drop_key, 1 - recipe.dropout, (len(rows), features.shape[1]))
        features = features * jnp.tile(kept, (len(shown) // len(rows), 1)) / (1 - recipe.dropout)
        logits = head(weights, features)
        loss = jnp.mean(partial_label_loss(masks, logits))
        if target:
            says = jnp.tile(sum(target) / len(target), (2, 1))
            loss = (1 - recipe.distillation) * loss + recipe.distillation * jnp.mean(taught(says, logits))
        return loss if whole else loss + consistency * inconsistency(logits, data.benign)

    loss, gradients = jax.value_and_grad(loss_of)(state.weights)
    updates, optimizer_state = optimizer.update(gradients, state.optimizer, state.weights)
    weights = [values - rate * update for values, update in zip(state.weights, updates, strict=True)]
    average = optax.incremental_update(weights, state.average, 1 - recipe.weight_average)
    return State(weights, average, optimizer_state), loss


@partial(jax.jit, static_argnames="whole")
def _malignancy(weights: list[Array], data: Data, rows: Array, *, whole: bool) -> Array:
    images = data.pixels[rows].astype(jnp.float32)
    return malignant_logit(head(weights, pooled_features(weights, images, whole=whole)), data.benign)


def validation_auc(weights: Sequence[Array], data: Data, job: Job, *, whole: bool) -> float:
    """AUC of malignant against benign on a job's validation images."""
    count = len(job.validation)
    rows = np.resize(job.validation, -(-count // WATCHED) * WATCHED)
    parts = [
        _malignancy(list(weights), data, jnp.asarray(part), whole=whole)
        for part in np.split(rows, len(rows) // WATCHED)
    ]
    return float(roc_auc_score(job.malignant, np.concatenate(parts)[:count]))
