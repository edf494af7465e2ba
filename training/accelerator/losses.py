"""The losses of `training.network` in JAX, and what teachers add."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.scipy.special import logsumexp

Array = jax.Array
_NEVER = -1e9


def partial_label_loss(masks: Array, logits: Array) -> Array:
    """See `training.network.partial_label_loss`: float32[batch] of float32[batch, 7] each."""
    return logsumexp(logits, axis=1) - logsumexp(jnp.where(masks > 0, logits, _NEVER), axis=1)


def malignant_logit(logits: Array, benign: Array) -> Array:
    """See `training.network.malignant_logit`.

    Args:
        logits: float32[batch, 7].
        benign: bool[7].
    """
    malignant, other = jnp.where(benign, _NEVER, logits), jnp.where(benign, logits, _NEVER)
    return logsumexp(malignant, axis=1) - logsumexp(other, axis=1)


def inconsistency(logits: Array, benign: Array) -> Array:
    """Squared difference between pictures and their copies, the second half, relative to the variance; a scalar."""
    malignant = malignant_logit(logits, benign)
    original, copy = jnp.split(malignant, 2)
    return jnp.mean((original - copy) ** 2) / (jnp.var(malignant) + 1e-3)


def taught(teacher: Array, logits: Array) -> Array:
    """Cross-entropy of logits against a teacher's probabilities, float32[batch] of float32[batch, 7] each."""
    return -jnp.sum(teacher * jax.nn.log_softmax(logits), axis=1)
