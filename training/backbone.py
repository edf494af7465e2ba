"""MobileNet with its batch normalisation folded into the convolutions: the same function, and cheaper to train.

The statistics of given weights stay what they are while fine-tuning (batch statistics would move the features), so a
normalisation is a fixed scale and shift of each channel. Folded, the scale is part of the kernel and the shift is the
convolution's bias, which is trained with it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

NAME = "backbone"


def mobilenet(weights: str) -> keras.Model:
    """MobileNet (Howard 2017, arXiv:1704.04861) as Keras builds it, with batch normalisation and without a head.

    Args:
        weights: "imagenet" (Keras's own, from the internet), "none" (random), or a path of a `.weights.h5` file.

    Raises:
        FileNotFoundError: `weights` is a path and there is no such file.
        OSError: The file cannot be read, or ImageNet weights cannot be downloaded.
        ValueError: The file holds another architecture.
    """
    if weights not in ("imagenet", "none") and not Path(weights).is_file():
        raise FileNotFoundError(f"no weights file at {weights}")
    given = None if weights == "none" else weights
    try:
        return keras.applications.MobileNet(weights=given, include_top=False, input_shape=(None, None, 3), name=NAME)
    except Exception as error:
        # A bare Exception is what Keras raises when a download fails.
        if weights != "imagenet":
            raise
        raise OSError(f"ImageNet weights cannot be downloaded; give a file with --weights: {error}") from error


def fold(normalised: keras.Model) -> keras.Model:
    """The same function without batch normalisation.

    Args:
        normalised: What `mobilenet` returned: one line of layers, each convolution followed by its normalisation.

    Returns:
        A model of the same inputs and outputs whose convolutions have biases; it shares nothing with the given one.
    """
    image = keras.Input((None, None, 3), name="image")
    features, weights, kernel = image, [], np.empty(0)
    for layer in normalised.layers[1:]:
        if isinstance(layer, keras.layers.BatchNormalization):
            weights.append(_folded(kernel, layer))
            continue
        config = layer.get_config()
        if layer.weights:
            (kernel,) = layer.get_weights()
            config |= {"use_bias": True}
        features = type(layer).from_config(config)(features)
    folded = keras.Model(image, features, name=NAME)
    for layer, values in zip([found for found in folded.layers if found.weights], weights, strict=True):
        layer.set_weights(values)
    return folded


def _folded(kernel: Any, normalisation: Any) -> list[Any]:
    """Kernel and bias of a convolution together with its normalisation, gamma (x - mean) / deviation + beta."""
    gamma, beta, mean, variance = normalisation.get_weights()
    scale = gamma / np.sqrt(variance + normalisation.epsilon)
    # A depthwise kernel is [height, width, channels, 1], any other one [height, width, inputs, channels].
    channels = scale[:, None] if kernel.shape[-1] == 1 else scale
    return [kernel * channels, beta - mean * scale]
