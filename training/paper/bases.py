"""The networks that are compared, up to their pooled features; each takes pixels from 0 to 255."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras


@dataclass(frozen=True)
class Base:
    """An architecture.

    Attributes:
        title: As the literature calls it.
        build: Takes weights (a path, "imagenet" or None) and a side in pixels.
        scaled: What it wants of pixels: "tf" (-1 to 1), "caffe" (BGR less ImageNet's mean), "raw" (0 to 255).
        file: Name of its weights in a folder of weights; None if there are none.
        least_side: Smallest picture that it can take.
    """

    title: str
    build: Callable[..., keras.Model]
    scaled: str
    file: str | None = None
    least_side: int = 32


def _plain(*, weights: Any, include_top: bool, input_shape: tuple[int, int, int]) -> keras.Model:
    """A plain convolutional network without a history: four blocks, each of which halves the side."""
    image = keras.Input(input_shape)
    features = image
    for width in (32, 64, 128, 256):
        features = keras.layers.Conv2D(width, 3, padding="same", activation="relu")(features)
        features = keras.layers.MaxPooling2D()(features)
    return keras.Model(image, features)


_APPLICATIONS = keras.applications

BASES: dict[str, Base] = {
    "mobilenet": Base("MobileNet", _APPLICATIONS.MobileNet, "tf", "mobilenet_v1_1.0_224.weights.h5"),
    "vgg16": Base("VGG16", _APPLICATIONS.VGG16, "caffe", "vgg16.weights.h5"),
    "inceptionv3": Base("InceptionV3", _APPLICATIONS.InceptionV3, "tf", "inception_v3.weights.h5", least_side=75),
    "resnet50v2": Base("ResNet50V2", _APPLICATIONS.ResNet50V2, "tf", "resnet50_v2.weights.h5"),
    "cnn": Base("plain CNN", _plain, "tf"),
    "mobilenetv2": Base("MobileNetV2", _APPLICATIONS.MobileNetV2, "tf", "mobilenet_v2_1.0_224.weights.h5"),
    "mobilenetv3small": Base(
        "MobileNetV3Small", _APPLICATIONS.MobileNetV3Small, "raw", "mobilenet_v3_small_1.0_224.weights.h5"
    ),
    "efficientnetb0": Base("EfficientNetB0", _APPLICATIONS.EfficientNetB0, "raw", "efficientnet_b0.weights.h5"),
}


def weights_of(base: str, weights: str) -> str | None:
    """What an architecture starts from.

    Args:
        base: Its key in `BASES`.
        weights: "imagenet" for Keras's own (internet access), or a folder of `.weights.h5` files.

    Returns:
        "imagenet", a path, or None: there are none, and it starts from random weights.
    """
    file = BASES[base].file
    if file is None:
        return None
    if weights == "imagenet":
        return weights
    path = Path(weights) / file
    return str(path) if path.is_file() else None


def build_base(base: str, weights: str | None, side: int, *, learns: bool) -> keras.Model:
    """float32[n, side, side, 3], 0 to 255, to pooled features float32[n, f].

    Args:
        base: Its key in `BASES`.
        weights: What `weights_of` returned.
        side: In pixels.
        learns: Whether it will be trained. If not, its normalisations keep the statistics that they were given. If so,
            they go by each batch and learn new ones: the paper's learning rate tears kernels apart whose normalisations
            stand still (validation accuracy 0.88 after ten epochs instead of 0.94, and at a tenth of the rate 0.93).
    """
    chosen = BASES[base]
    network = chosen.build(weights=weights, include_top=False, input_shape=(side, side, 3))
    for layer in network.layers:
        if not learns and isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    image = keras.Input((side, side, 3))
    features = network(_scaled(image, chosen.scaled))
    return keras.Model(image, keras.layers.GlobalAveragePooling2D()(features), name=base)


def _scaled(image: Any, how: str) -> Any:
    if how == "tf":
        return image / 127.5 - 1.0
    if how == "caffe":
        # ImageNet's mean of blue, green and red, as VGG16 was trained with (Simonyan 2014, arXiv:1409.1556).
        return image[..., ::-1] - keras.ops.array([103.939, 116.779, 123.68])
    return image
