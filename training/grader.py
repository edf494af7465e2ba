"""The stage grader: two linear layers on the features of a published classifier, measured by grouped cross-validation.

The grades are ordered, so the model is a sequential logit (continuation ratio; Tutz 1991, doi
10.1016/0167-9473(91)90086-9): is it of the highest grade, and if not, of the middle one? (Of invasion: is it a
metastasis, and if not, is it invasive? The second is learned inside the one society that gave both answers, since
elsewhere the camera tells them apart.) 266 melanomas do not carry a deeper network; every figure stands beside that of
a baseline that sees only the frame of the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from dermoscopy.prepare import SIDE
from model_store.manifest import Evaluation, Measured
from training.augment import augment
from training.front import to_input
from training.metrics import auc, bootstrap
from training.stages import Stages

VIEWS = 12
FOLDS = 5
INNER_FOLDS = 3
REPEATS = 4
PENALTIES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
"""Candidates for scikit-learn's C, the inverse of the L2 penalty; for each question chosen inside the folds."""
FRAME_PENALTIES = (3e-3, 1e-2, 1e-1, 1.0)
"""The same for the frame-only baseline: ten features and one view need less of it, and a baseline held back by it would
flatter the grader (measured: 0.69 instead of 0.71 balanced accuracy)."""

TOP = 2
"""The highest grade; the first question is asked of what is below."""

THREE = "three-grades"

Features = NDArray[np.float64]


@dataclass(frozen=True)
class Sequential:
    """Two questions, each a logit: features @ kernel + bias, kernel float64[f, 2] and bias float64[2].

    Column 0: the middle grade rather than the lowest, given that it is not the highest. Column 1: the highest.
    """

    kernel: Features
    bias: Features

    def probabilities(self, features: Features) -> Features:
        """float64[n, 3] of float64[n, f], by rising grade."""
        middle, top = (1 / (1 + np.exp(-(features @ self.kernel + self.bias)))).T
        return np.stack([(1 - top) * (1 - middle), (1 - top) * middle, top], axis=1)


def view_features(network: keras.Model, pixels: NDArray[np.uint8]) -> Features:
    """Pooled backbone features of each image as it is (first) and of augmented views.

    Args:
        network: The classifier's network.
        pixels: uint8[n, 224, 224, 3].

    Returns:
        float64[1 + VIEWS, n, 1024].
    """
    keras.utils.set_random_seed(0)
    backbone, views = network.get_layer("backbone"), []
    for view in tqdm(range(1 + VIEWS), desc="features of augmented views", unit="view"):
        parts = []
        for start in range(0, len(pixels), 32):
            part = tf.constant(pixels[start : start + 32])
            images = augment(part, SIDE) if view else tf.cast(part, tf.float32)
            parts.append(backbone.predict_on_batch(to_input(images)).mean(axis=(1, 2)))
        views.append(np.concatenate(parts))
    return np.stack(views).astype(np.float64)


def _fit_question(features: Features, answer: NDArray[np.bool_], penalty: float) -> tuple[Features, float]:
    """Kernel float64[f] and bias of one logistic regression on all views; both answers weigh equally."""
    flat = features.reshape(-1, features.shape[-1])
    scaler = StandardScaler().fit(flat)
    model = LogisticRegression(C=penalty, class_weight="balanced", max_iter=2000)
    # A thousand small fits: threads that wait for each other cost 16 times as much on a machine that does other work.
    with threadpool_limits(1):
        model.fit(scaler.transform(flat), np.tile(answer, len(features)))
    kernel = model.coef_[0] / scaler.scale_
    return kernel, float(model.intercept_[0] - scaler.mean_ @ kernel)


@dataclass(frozen=True)
class _Question:
    """What one column of the grader is asked: of which images, and which of them are a yes."""

    rows: NDArray[np.int64]
    answer: NDArray[np.bool_]


def _questions(stages: Stages) -> tuple[_Question, _Question]:
    """The middle grade rather than the lowest, where they can be compared; and the highest rather than these."""
    lower = np.flatnonzero(stages.fair & (stages.grades < TOP))
    middle = _Question(lower, stages.grades[lower] == 1)
    return middle, _Question(np.arange(len(stages.grades)), stages.grades == TOP)


def check_enough(stages: Stages) -> None:
    """Refuse too few lesions of a grade: every fold asks both questions, and learns from both answers to each.

    Raises:
        ValueError: It says of which grade.
    """
    middle, top = _questions(stages)
    asked = {0: middle.rows[~middle.answer], 1: middle.rows[middle.answer], TOP: top.rows[top.answer]}
    for grade, rows in asked.items():
        count = len(np.unique(stages.lesions[rows]))
        if count < FOLDS:
            where = f" in images of the {stages.policy.site}" if stages.policy.site and grade != TOP else ""
            told = f"{count} lesions of grade {stages.policy.names[grade]}{where}"
            raise ValueError(f"{told} are too few to cross-validate a grader: at least {FOLDS} are needed")


def _fit(features: Features, stages: Stages, penalties: Sequence[float]) -> Sequential:
    """Fit both questions, each with its penalty; features float64[views, n, f]."""
    fitted = [
        _fit_question(features[:, question.rows], question.answer, penalty)
        for question, penalty in zip(_questions(stages), penalties, strict=True)
    ]
    return Sequential(np.stack([kernel for kernel, _ in fitted], axis=1), np.array([bias for _, bias in fitted]))


def _folds(stages: Stages, count: int, seed: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Rows to fit on and rows left out, by lesion and patient; grades and the fair site spread over the folds."""
    # What the two questions need in every fold: both answers where they are fair, and the highest grade.
    strata = np.where(stages.grades == TOP, 3, np.where(stages.fair, stages.grades, 2))
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    return list(splitter.split(strata, strata, stages.lesions))


def _choose_penalties(features: Features, stages: Stages, penalties: tuple[float, ...]) -> list[float]:
    """For each question the penalty with the least log loss on inner folds, both answers weighing equally.

    One penalty for both would be chosen by the easier one, which is about the place more than about the melanoma.
    """
    losses = [dict.fromkeys(penalties, 0.0) for _ in range(2)]
    for fitted, left in _folds(stages, INNER_FOLDS, seed=99):
        asked = _questions(stages.subset(left))
        for penalty in penalties:
            model = _fit(features[:, fitted], stages.subset(fitted), (penalty, penalty))
            logits = features[0, left] @ model.kernel + model.bias
            for column, question in enumerate(asked):
                losses[column][penalty] += _loss(logits[question.rows, column], question.answer)
    return [min(loss, key=loss.__getitem__) for loss in losses]


def _loss(logits: Features, answer: NDArray[np.bool_]) -> float:
    """Log loss of float64[n] against bool[n]; both answers weigh equally."""
    losses = np.logaddexp(0, np.where(answer, -logits, logits))
    return sum(float(losses[side].mean()) for side in (answer, ~answer) if side.any())


def train_grader(features: Features, stages: Stages, penalties: tuple[float, ...] = PENALTIES) -> Sequential:
    """The grader on all images.

    Args:
        features: float64[views, n, f], the first view unchanged.
        stages: The n images' grades.
        penalties: Candidates to choose from on inner folds.
    """
    return _fit(features, stages, _choose_penalties(features, stages, penalties))


def cross_validate(
    features: Features, stages: Stages, title: str, penalties: tuple[float, ...] = PENALTIES
) -> Features:
    """Probabilities of every image from models that saw no image of its lesion or patient.

    Args:
        features: float64[views, n, f], the first view unchanged.
        stages: The n images' grades.
        title: What the progress bar says.
        penalties: Candidates to choose from on inner folds.

    Returns:
        float64[n, 3], the mean over repeated groupings into folds.
    """
    total = np.zeros((len(stages.grades), 3))
    for repeat in tqdm(range(REPEATS), desc=title, unit="repeat"):
        for fitted, left in _folds(stages, FOLDS, seed=repeat):
            model = train_grader(features[:, fitted], stages.subset(fitted), penalties)
            total[left] += model.probabilities(features[0, left])
    return total / REPEATS


def _lower_auc(probabilities: Features, stages: Stages) -> Measured:
    """The lower two grades, where they can be compared."""
    rows = np.flatnonzero(stages.fair & (stages.grades < TOP))
    score, invasive = probabilities[rows, 1] / probabilities[rows, :2].sum(axis=1), stages.grades[rows] == 1
    return bootstrap(lambda drawn: auc(invasive[drawn], score[drawn]), stages.lesions[rows])


def _balanced_accuracy(probabilities: Features, stages: Stages) -> Measured:
    """Mean recall of the three grades, over all sources; 1/3 is chance."""
    called = probabilities.argmax(axis=1)

    def statistic(rows: NDArray[np.int64]) -> float:
        drawn = stages.grades[rows]
        return float(balanced_accuracy_score(drawn, called[rows])) if len(set(drawn.tolist())) == 3 else float("nan")

    return bootstrap(statistic, stages.lesions)


def measure_grader(model: Features, frame: Features, stages: Stages, *, seen: bool = False) -> dict[str, Evaluation]:
    """The figures of the grader beside those of the frame-only baseline.

    Args:
        model: float64[n, 3], cross-validated probabilities of the grader.
        frame: float64[n, 3], those of the baseline.
        stages: The n images.
        seen: Whether the classifier, whose features they are, may have learned from some of the images.
    """
    fair, policy = stages.fair & (stages.grades < TOP), stages.policy
    where = f"inside {policy.site} images" if policy.site else "over all sources"
    return {
        policy.question: Evaluation(
            description=f"{policy.parted} {where}, out of fold, grouped by lesion, patient and copies; the baseline "
            "sees only the picture's border and aspect ratio",
            images=int(fair.sum()),
            positives=int((stages.grades[fair] == 1).sum()),
            groups=len(np.unique(stages.lesions[fair])),
            metrics={"auc": _lower_auc(model, stages), "auc_of_frame_only_baseline": _lower_auc(frame, stages)},
            seen_in_training=seen,
        ),
        THREE: Evaluation(
            description="all three grades over all sources, out of fold; where the source nearly determines the grade, "
            "this figure cannot be told from recognising the source: compare the baseline",
            images=len(stages.grades),
            positives=int((stages.grades > 0).sum()),
            groups=len(np.unique(stages.lesions)),
            metrics={
                "balanced_accuracy": _balanced_accuracy(model, stages),
                "balanced_accuracy_of_frame_only_baseline": _balanced_accuracy(frame, stages),
            },
            seen_in_training=seen,
        ),
    }
