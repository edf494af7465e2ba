"""A correction of the diagnoses by what all depths of the backbone see.

The head reads the last features alone. Earlier layers still see texture and colour (see `gatekeeper`), so a second
linear layer on mean and deviation of five layers is learned when the backbone has learned, by the same loss on the same
images, and a part of it is added to the head's logits. The whole leans on what tells the sources of the training images
apart, and an image from elsewhere would pay for it. It costs one small matrix product, for the gate needs the same
means and deviations.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image
from scipy.optimize import minimize
from tqdm import tqdm

from dermoscopy.prepare import SIDE
from training.augment import augment, degrade
from training.gatekeeper import BATCH, FARTHEST, features_of, last_means
from training.labels import DIAGNOSES
from training.metrics import Bools, auc
from training.network import malignant_logit, partial_label_loss
from training.repeatability import VARIANTS, changed
from training.vignette import cut_away, painted

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

_varied = tf.function(lambda pixels: augment(pixels, SIDE), reduce_retracing=True)
_varied_copies = tf.function(lambda pixels: degrade(augment(pixels, SIDE)), reduce_retracing=True)
_copies = tf.function(lambda pixels: degrade(tf.cast(pixels, tf.float32)), reduce_retracing=True)

_COPY_SIDE, _COPY_QUALITY = 240, 75


def _small_copies(pixels: Pixels) -> Pixels:
    """What is left of pictures that were kept as JPEG of 240 pixels, as collections for teaching hold them."""
    return np.stack([_small_copy(Image.fromarray(picture)) for picture in pixels])


def _small_copy(picture: Image.Image) -> Pixels:
    file = io.BytesIO()
    picture.resize((_COPY_SIDE, _COPY_SIDE), Image.Resampling.BILINEAR).save(file, "JPEG", quality=_COPY_QUALITY)
    return np.asarray(Image.open(file).resize(picture.size, Image.Resampling.BILINEAR))


REENCODED = ("re-encoded", "re-encoded again", "re-encoded a third time", "re-encoded a fourth time")
VIEWS: dict[str, Callable[[Pixels], Any]] = {
    "as they are": lambda pixels: pixels,
    "varied": lambda pixels: _varied(tf.constant(pixels)),
    "varied again": lambda pixels: _varied(tf.constant(pixels)),
    "varied and re-encoded": lambda pixels: _varied_copies(tf.constant(pixels)),
    "varied and re-encoded again": lambda pixels: _varied_copies(tf.constant(pixels)),
    **{name: lambda pixels: _copies(tf.constant(pixels)) for name in REENCODED},
    "as small copies": _small_copies,
    "behind a vignette": painted,
    "mirrored": lambda pixels: pixels[:, :, ::-1],
    "turned": lambda pixels: changed(pixels, "turned"),
}
"""What is learned from each image, beside the image without its own vignette; all of them count the same."""
SHARES = (0.0, 0.4)
"""Of the correction, to choose from. With half of it an original and its copy were up to 0.0502 apart; see
docs/training.md."""
PENALTY = 0.01
"""Of the squared weights, for features in standard deviations. On classifier/5 a tenth of it, a third, ten times and
fifty times as much were no better on validation images."""
CONSISTENCY = 1.0
"""Of the squared difference between the malignant logits of an image and its views, in variances of that logit after
the correction: in variances from before, a smaller logit would cost less, and calibration would stretch it again."""
CONSISTENCY_REENCODED = 165.0
"""The same between an image and poor copies of it: earlier layers see what JPEG does to a picture. With 60 originals
and copies of 240 pixels in JPEG of quality 75 were up to 0.06 apart, with 110 0.049, with 200 0.041; but with 200 the
correction told no more on validation images than the network alone. One draw of copies or another moved that by 0.01,
so there are four."""
CONSISTENCY_FRAMED = 10.0
"""The same for images that have a vignette of their own, between them and what is left without it."""
STEPS = 70
_CHUNK = 2048


@dataclass(frozen=True)
class Correction:
    """What is added to the head's logits: clip((features - mean) * scale) @ kernel + bias.

    Attributes:
        mean: float32[d], of training images as they are.
        scale: float32[d], one over their standard deviation.
        kernel: float32[d, 7].
        bias: float32[7].
        share: How much of what was learned is in kernel and bias, 0 to 1.
    """

    mean: Floats
    scale: Floats
    kernel: Floats
    bias: Floats
    share: float = 1.0

    def scaled(self, features: Any) -> Any:
        """Features in standard deviations from the mean, those that are far off cut; float32[n, d]."""
        return tf.clip_by_value((features - self.mean) * self.scale, -FARTHEST, FARTHEST)

    def of(self, features: Any) -> Any:
        """float32[n, 7], of features as `gatekeeper.pooled` gives them."""
        return self.scaled(features) @ self.kernel + self.bias

    def part(self, share: float) -> Correction:
        """A share, 0 to 1, of the whole correction."""
        return Correction(self.mean, self.scale, self.kernel * share, self.bias * share, share)


def head_logits(network: keras.Model, features: Floats) -> Floats:
    """What the network itself says, float32[n, 7], of features as `gatekeeper.pooled` gives them."""
    kernel, bias = network.get_layer("head").get_weights()
    return np.asarray(last_means(features, network.get_layer("backbone")) @ kernel + bias)


def fit_correction(
    network: keras.Model, pixels: Pixels, rows: NDArray[np.int64], masks: Floats, chances: Floats
) -> Correction:
    """Learns the whole correction.

    Args:
        network: The trained network.
        pixels: Of the table.
        rows: int64[n], training images.
        masks: float32[n, 7], their labels; see `labels.as_mask`.
        chances: float32[n], how often each is shown in an epoch.
    """
    tf.random.set_seed(0)
    framed: list[bool] = []

    def uncovered(batch: Pixels) -> Pixels:
        found = [_without_vignette(picture) for picture in batch]
        framed.extend(one for _, one in found)
        return np.stack([picture for picture, _ in found])

    views = VIEWS | {"without their vignettes": uncovered}
    seen = [_view(network, pixels, rows, name, change) for name, change in views.items()]
    mean, scale = seen[0].mean(axis=0), 1 / (seen[0].std(axis=0) + 1e-3)
    size = (seen[0].shape[1], len(DIAGNOSES))
    nothing = Correction(mean, scale, np.zeros(size, np.float32), np.zeros(size[1], np.float32))
    logits = [head_logits(network, one) for one in seen]
    shares = chances / chances.sum()
    among_framed = shares * np.array(framed, np.float32)
    among_framed /= max(float(among_framed.sum()), 1e-9)
    to_copies = CONSISTENCY_REENCODED / len(REENCODED)
    factors = [CONSISTENCY / (len(views) - 1) + to_copies * (name in REENCODED) for name in list(views)[1:]]
    consistency = tf.constant([*factors, CONSISTENCY_FRAMED], tf.float32)
    return _descend(nothing, list(_parts(nothing, seen, logits, masks, shares, among_framed)), consistency)


def _without_vignette(picture: Pixels) -> tuple[Pixels, bool]:
    """A picture without its vignette, and that it has one; one that has none, from a little closer."""
    cut = cut_away(picture)
    if cut is not None:
        return cut, True
    return np.asarray(VARIANTS["closer"](Image.fromarray(picture))), False


def choose_share(
    correction: Correction, features: Sequence[Floats], logits: Sequence[Floats], malignant: Sequence[Bools]
) -> tuple[Correction, dict[float, float]]:
    """The share of a correction that tells malignant from benign best on validation images, as the mean over sources.

    Args:
        correction: The whole.
        features: Of each source, float32[n, d].
        logits: Of each source, what the network itself says, float32[n, 7].
        malignant: Of each source, bool[n]; sources without both kinds say nothing.

    Returns:
        That share of it, the smaller of two that are as good; and share -> AUC.
    """
    told = [both for both in zip(features, logits, malignant, strict=True) if both[2].any() and not both[2].all()]
    found = {}
    for share in SHARES:
        part = correction.part(share)
        scores = [np.asarray(malignant_logit(logit + part.of(seen))) for seen, logit, _ in told]
        areas = [auc(answer, score) for (_, _, answer), score in zip(told, scores, strict=True)]
        found[share] = float(np.mean(areas)) if areas else 0.0
    return correction.part(max(found, key=lambda share: (found[share], -share))), found


def _view(
    network: keras.Model, pixels: Pixels, rows: NDArray[np.int64], name: str, change: Callable[[Pixels], Any]
) -> Floats:
    starts = tqdm(range(0, len(rows), BATCH), desc=f"all depths, images {name}", unit="batch")
    batches = (change(pixels[rows[start : start + BATCH]]) for start in starts)
    return features_of(network.get_layer("backbone"), batches)


class _Part(NamedTuple):
    """Some of the images, few enough that their features are spread out to float32 only while they are used.

    Attributes:
        scaled: Of each view float16[n, d], features in standard deviations.
        logits: Of each view float32[n, 7], of the network itself.
        masks: float32[n, 7].
        weights: float32[n], of each image among all.
        among_framed: float32[n], among those that have a vignette; 0 where there is none.
    """

    scaled: list[Any]
    logits: list[Any]
    masks: Any
    weights: Any
    among_framed: Any


@tf.function(autograph=False, reduce_retracing=True)  # type: ignore[untyped-decorator]  # it has no types
def _loss(part: _Part, kernel: Any, bias: Any, consistency: Any) -> Any:
    """The loss, and how it rises with kernel and bias.

    `consistency` has a factor for each view but the first, and one for framed images without their vignettes.
    """
    with tf.GradientTape() as tape:
        tape.watch((kernel, bias))
        said = [
            logits + tf.cast(scaled, tf.float32) @ kernel + bias
            for scaled, logits in zip(part.scaled, part.logits, strict=True)
        ]
        wrong = [tf.reduce_sum(part.weights * partial_label_loss(part.masks, logits)) for logits in said]
        malignant = [malignant_logit(logits) for logits in said]
        moved = [(other - malignant[0]) ** 2 for other in malignant[1:]]
        apart = [tf.reduce_sum(part.weights * one) for one in moved]
        apart.append(tf.reduce_sum(part.among_framed * moved[-1]))
        loss = tf.add_n(wrong) / len(wrong) + tf.reduce_sum(consistency * tf.stack(apart)) / _variance(
            malignant[0], part
        )
    return loss, *tape.gradient(loss, (kernel, bias))


def _variance(logits: Any, part: _Part) -> Any:
    shares = part.weights / (tf.reduce_sum(part.weights) + 1e-9)
    return tf.reduce_sum(shares * (logits - tf.reduce_sum(shares * logits)) ** 2) + 1e-3


def _parts(  # noqa: PLR0913, PLR0917 - what is known of the images
    correction: Correction,
    features: list[Floats],
    logits: list[Floats],
    masks: Floats,
    weights: Floats,
    among_framed: Floats,
) -> Iterator[_Part]:
    # Images of a source stand together in the table: each part has its share of every source.
    parts = -(-len(masks) // _CHUNK)
    for start in range(parts):
        part = slice(start, None, parts)
        yield _Part(
            [tf.cast(correction.scaled(view[part]), tf.float16) for view in features],
            [tf.constant(view[part]) for view in logits],
            *(tf.constant(values[part]) for values in (masks, weights, among_framed)),
        )


def _descend(nothing: Correction, parts: list[_Part], consistency: Any) -> Correction:
    """The kernel and bias of least loss (L-BFGS, Liu and Nocedal 1989, doi 10.1007/BF01589116), from zero."""
    features, outputs = nothing.kernel.shape

    def split(values: NDArray[np.float64]) -> tuple[Floats, Floats]:
        both = values.reshape(features + 1, outputs).astype(np.float32)
        return both[:-1], both[-1]

    def whole(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        kernel, bias = split(values)
        loss, rise = PENALTY * float((kernel**2).sum()), np.zeros((features + 1, outputs))
        rise[:-1] = 2 * PENALTY * kernel
        for part in parts:
            more, by_kernel, by_bias = _loss(part, tf.constant(kernel), tf.constant(bias), consistency)
            loss += float(more)
            rise += np.concatenate([by_kernel, by_bias[None]])
        return loss, rise.ravel()

    with tqdm(total=STEPS, desc="correction", unit="step") as bar:
        start, options = np.zeros((features + 1) * outputs), {"maxiter": STEPS}
        best = minimize(whole, start, jac=True, method="L-BFGS-B", options=options, callback=lambda _: bar.update()).x
    return Correction(nothing.mean, nothing.scale, *split(best))
