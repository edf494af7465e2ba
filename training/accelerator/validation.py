"""What networks reach on a job's validation images, on the device."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.metrics import roc_auc_score

from training.accelerator.layers import Array, Features
from training.accelerator.loop import Data, Network, said
from training.accelerator.losses import malignant_logit
from training.accelerator.unpack import Job

WATCHED = 256
"""Validation images at a time."""


def validation_auc(features: Features, networks: list[Network], data: Data, job: Job) -> float:
    """AUC of malignant against benign on a job's validation images, by what networks say in the mean."""
    count = len(job.validation)
    rows = np.resize(job.validation, -(-count // WATCHED) * WATCHED)
    parts = [_malignancy(features, networks, data, jnp.asarray(part)) for part in np.split(rows, len(rows) // WATCHED)]
    return float(roc_auc_score(job.malignant, np.concatenate(parts)[:count]))


@partial(jax.jit, static_argnums=0)
def _malignancy(features: Features, networks: list[Network], data: Data, rows: Array) -> Array:
    return malignant_logit(said(features, networks, data.pixels[rows].astype(jnp.float32)), data.benign)
