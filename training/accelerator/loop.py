"""The loop on an accelerator: whole epochs in one call, with every image in the device's memory."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.scipy.special import logsumexp

from training.accelerator.layers import Array, Features, Weights, head
from training.accelerator.losses import inconsistency, partial_label_loss, taught
from training.accelerator.pictures import degrade, vary
from training.accelerator.recipe import Recipe
from training.accelerator.unpack import Pack

CLIPPED = 1.0
"""Norm of a gradient beyond which it is scaled down: bfloat16 now and then makes a wild one."""

Network = list[Array]
"""The weights of one."""


class Data(NamedTuple):
    """What is on the device: uint8[n, side, side, 3], float32[n, 7], bool[7], and the teachers' weights."""

    pixels: Array
    masks: Array
    benign: Array
    teachers: list[Network]


class State(NamedTuple):
    """What changes from step to step."""

    weights: Network
    average: Network
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


def said(features: Features, networks: list[Network], images: Array) -> Array:
    """Logarithm of the mean of what networks say of images, float32[batch, 7] of float32[batch, side, side, 3]."""
    logarithms = [jax.nn.log_softmax(head(one, features(one, images))) for one in networks]
    return logsumexp(jnp.stack(logarithms), axis=0) - jnp.log(len(networks))


@dataclass(frozen=True)
class Loop:
    """What does not change from run to run; compiled once for all that learn alike.

    Attributes:
        recipe: How.
        features: The network that learns, but for its head.
        teaches: It is a teacher: it is shown a picture or its copy, not both, and need not say the same of them.
        taught_by: The networks whose weights are the data's teachers.
    """

    recipe: Recipe
    features: Features
    teaches: bool
    taught_by: Features

    def begun(self, weights: Network) -> State:
        """Before the first step; the weights are copied, for those of a state are given away."""
        copies = [jnp.copy(values) for values in weights], [jnp.copy(values) for values in weights]
        return State(*copies, _optimizer(self.recipe.weight_decay).init(weights))

    @partial(jax.jit, static_argnums=0, donate_argnums=1)
    def epoch(self, state: State, data: Data, drawn: Drawn) -> tuple[State, Array]:
        """All steps of an epoch, and their mean loss."""
        state, losses = jax.lax.scan(lambda state, one: self._step(state, data, one), state, drawn)
        return state, jnp.mean(losses)

    def _step(self, state: State, data: Data, drawn: Drawn) -> tuple[State, Array]:
        shown_key, dropout_key = jax.random.split(drawn.key)
        images, shown, masks = self._shown(shown_key, data, drawn.rows)
        says = jnp.exp(said(self.taught_by, data.teachers, images)) if data.teachers else None

        def loss_of(weights: Weights) -> Array:
            logits = self._logits(weights, shown, dropout_key, len(drawn.rows))
            loss = jnp.mean(partial_label_loss(masks, logits))
            if says is not None:
                taught_loss = jnp.mean(taught(jnp.concatenate([says, says]), logits))
                loss = (1 - self.recipe.distillation) * loss + self.recipe.distillation * taught_loss
            return loss if self.teaches else loss + drawn.consistency * inconsistency(logits, data.benign)

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
        if self.teaches:
            chosen = jax.random.bernoulli(choose_key, 0.5, (len(rows), 1, 1, 1))
            return images, jnp.where(chosen, copies, images), masks
        return images, jnp.concatenate([images, copies]), jnp.concatenate([masks, masks])

    def _logits(self, weights: Weights, shown: Array, key: Array, pictures: int) -> Array:
        """With dropout; a picture and its copy lose the same features, or they would differ by that alone."""
        features = self.features(weights, shown)
        kept = jax.random.bernoulli(key, 1 - self.recipe.dropout, (pictures, features.shape[1]))
        kept = jnp.tile(kept, (len(shown) // pictures, 1))
        return head(weights, features * kept / (1 - self.recipe.dropout))


@cache
def _optimizer(weight_decay: float) -> optax.GradientTransformation:
    """AdamW but for the learning rate."""
    return optax.chain(
        optax.clip_by_global_norm(CLIPPED), optax.scale_by_adam(), optax.add_decayed_weights(weight_decay)
    )
