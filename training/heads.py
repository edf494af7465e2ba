"""What a release learns from the features of a network that has learned."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np

from training.depths import Correction, choose_share, fit_correction, head_logits
from training.evaluation import kind_of
from training.export import Gatekeepers
from training.gate import good_features, learn_gate
from training.gatekeeper import last_means
from training.labels import as_mask
from training.novelty import Novelty, fit_novelty
from training.sampling import buckets, chances
from training.work import Recipe, Work, fair_sources

NOVELTY_IMAGES = 3000


@dataclass(frozen=True)
class Heads:
    """What is learned from the trained network's features: how usual an image is, whether it is fit, and what all
    depths say of the diagnoses beside the last one."""

    novelty: Novelty
    gatekeepers: Gatekeepers
    correction: Correction
    areas: dict[float, float]
    """Share of the correction -> AUC on validation images."""

    def described(self) -> Recipe:
        """Of the correction by all depths, for the recipe."""
        areas = ", ".join(f"{share:g}: {area:.4f}" for share, area in self.areas.items())
        return {"depths_share": self.correction.share, "depths_validation_auc_by_share": areas}


def fit_heads(network: keras.Model, work: Work) -> Heads:
    """Learns all of it from training images; validation images say how much of the correction is kept."""
    rows = np.flatnonzero(np.array(work.split.roles) == "training")
    chosen = np.sort(np.random.default_rng(0).permutation(rows)[:NOVELTY_IMAGES])
    backbone = network.get_layer("backbone")
    known = good_features(backbone, work.table.pixels, chosen)
    gatekeepers = learn_gate(backbone, work.table.pixels, chosen, known, work.photographs)
    return Heads(fit_novelty(last_means(known, backbone)), gatekeepers, *_fit_depths(network, work))


def _fit_depths(network: keras.Model, work: Work) -> tuple[Correction, dict[float, float]]:
    """The correction by all depths, as much of it as validation images choose."""
    table, learned = work.table, [name for name, count in work.split.counts(work.table).items() if count["training"]]
    shares = dict(work.shares) or dict.fromkeys(learned, 1.0)
    shown = chances(buckets(table, work.split, tuple(shares)), shares)
    rows = np.array(sorted(shown), np.int64)
    often = np.array([shown[row] for row in rows.tolist()], np.float32)
    whole = fit_correction(network, table.pixels, rows, as_mask(table.labels[row] for row in rows.tolist()), often)
    validation = [np.array(work.split.rows("validation", name, table), np.int64) for name in fair_sources(work)]
    features = [good_features(network.get_layer("backbone"), table.pixels, chosen) for chosen in validation]
    logits = [head_logits(network, seen) for seen in features]
    malignant = [np.array([kind_of(table.labels[row]) != "benign" for row in chosen]) for chosen in validation]
    return choose_share(whole, features, logits, malignant)
