"""Augmentation, as TensorFlow operations on whole batches: what differs between clinics must not tell the class.

Rotation, flips, zoom, shift, colour gain per channel, brightness, contrast, saturation and sharpness; and random
circular vignettes, because in the public melanoma set a dark round border is common in malignant images and almost
absent in benign ones.
"""

from __future__ import annotations

import tensorflow as tf

from training.variation import (
    ASPECT,
    BRIGHTNESS,
    CONTRAST,
    COPY_BLUR,
    COPY_QUALITY,
    GAIN,
    SATURATION,
    SHARPNESS,
    SHIFT,
    VIGNETTE_SHARE,
    ZOOM,
)


def _uniform(count: tf.Tensor, low: float, high: float, size: int = 1) -> tf.Tensor:
    return tf.random.uniform((count, size), low, high)


def _transforms(count: tf.Tensor, source: float, target: float) -> tf.Tensor:
    """Rows for ImageProjectiveTransformV3: rotation, flip, zoom, stretch and shift about the centre, float32[n, 8]."""
    angle = _uniform(count, 0.0, 6.2831853)
    scale = source / target * _uniform(count, *ZOOM)
    stretch = _uniform(count, 1 - ASPECT, 1 + ASPECT)
    flip = tf.sign(_uniform(count, -1.0, 1.0))
    cos, sin = tf.cos(angle) * scale, tf.sin(angle) * scale
    a0, a1, b0, b1 = cos * flip * stretch, -sin, sin * flip * stretch, cos
    centre_in, centre_out = (source - 1) / 2, (target - 1) / 2
    shift = _uniform(count, -SHIFT, SHIFT, 2) * source
    a2 = centre_in - (a0 + a1) * centre_out + shift[:, :1]
    b2 = centre_in - (b0 + b1) * centre_out + shift[:, 1:]
    nothing = tf.zeros_like(a0)
    return tf.concat([a0, a1, a2, b0, b1, b2, nothing, nothing], axis=1)


def turn(pixels: tf.Tensor, side: int) -> tf.Tensor:
    """Rotation, mirror image, zoom, stretch and shift; what lies outside is mirrored in.

    Args:
        pixels: uint8[batch, 224, 224, 3].
        side: Side of the result in pixels.

    Returns:
        float32[batch, side, side, 3], 0 to 255.
    """
    images = tf.cast(pixels, tf.float32)
    count = tf.shape(images)[0]
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=_transforms(count, float(images.shape[1]), float(side)),
        output_shape=(side, side),
        interpolation="BILINEAR",
        fill_mode="REFLECT",
        fill_value=0.0,
    )


def _sharpness(images: tf.Tensor, amounts: tuple[float, float]) -> tf.Tensor:
    """Blur (positive) or sharpen (negative) by a random amount: clinics' cameras and re-encodings differ in both."""
    amount = _uniform(tf.shape(images)[0], *amounts)[:, :, None, None]
    line = tf.constant([0.25, 0.5, 0.25])
    kernel = tf.tile(tf.tensordot(line, line, 0)[:, :, None, None], (1, 1, 3, 1))
    blurred = tf.nn.depthwise_conv2d(images, kernel, (1, 1, 1, 1), "SAME")
    # The border of a SAME convolution is darkened by its zero padding: keep the original there.
    inside = tf.pad(blurred[:, 1:-1, 1:-1], ((0, 0), (1, 1), (1, 1), (0, 0)))
    frame = tf.pad(tf.ones_like(blurred[:, 1:-1, 1:-1]), ((0, 0), (1, 1), (1, 1), (0, 0)))
    return images + amount * (inside - images) * frame


def _colour(images: tf.Tensor) -> tf.Tensor:
    count = tf.shape(images)[0]
    shape = (count, 1, 1, 1)
    grey = tf.reduce_mean(images, axis=3, keepdims=True)
    images = grey + (images - grey) * tf.random.uniform(shape, *SATURATION)
    mean = tf.reduce_mean(images, axis=(1, 2, 3), keepdims=True)
    images = mean + (images - mean) * tf.random.uniform(shape, *CONTRAST)
    gain = tf.random.uniform((count, 1, 1, 3), 1 - GAIN, 1 + GAIN)
    return images * gain + tf.random.uniform(shape, -BRIGHTNESS, BRIGHTNESS)


def _vignettes(images: tf.Tensor, side: int) -> tf.Tensor:
    """Darken everything outside a random ellipse with a soft edge, in a share of the batch."""
    count = tf.shape(images)[0]
    line = tf.linspace(-1.0, 1.0, side)
    shift = _uniform(count, -0.1, 0.1, 2)
    aspect = _uniform(count, 1.0, 1.33)
    x = (line[None, :] - shift[:, :1]) * tf.where(_uniform(count, 0.0, 1.0) < 0.5, aspect, 1.0)
    y = line[None, :] - shift[:, 1:]
    distance = tf.sqrt(x[:, None, :] ** 2 + y[:, :, None] ** 2)
    radius, softness = _uniform(count, 0.8, 1.35), _uniform(count, 0.01, 0.12)
    inside = tf.sigmoid((radius[:, :, None] - distance) / softness[:, :, None])[..., None]
    chosen = tf.cast(_uniform(count, 0.0, 1.0) < VIGNETTE_SHARE, tf.float32)[:, :, None, None]
    dark = tf.random.uniform((count, 1, 1, 1), 0.0, 30.0)
    return images * (1 - chosen * (1 - inside)) + dark * chosen * (1 - inside)


def augment(pixels: tf.Tensor, side: int) -> tf.Tensor:
    """Make a training batch out of prepared images.

    Args:
        pixels: uint8[batch, 224, 224, 3].
        side: Side of the result in pixels; smaller than 224 for the cheap first phase.

    Returns:
        float32[batch, side, side, 3], 0 to 255.
    """
    images = _sharpness(turn(pixels, side), SHARPNESS)
    return tf.clip_by_value(_vignettes(_colour(images), side), 0.0, 255.0)


def degrade(images: tf.Tensor) -> tf.Tensor:
    """Copies of images as a picture archive might hold them: a little sharper or softer, and saved as a poor JPEG.

    Args:
        images: float32[batch, side, side, 3], 0 to 255.

    Returns:
        float32[batch, side, side, 3], 0 to 255.
    """

    def save(image: tf.Tensor) -> tf.Tensor:
        quality = tf.random.uniform((), *COPY_QUALITY, dtype=tf.int32)
        return tf.image.adjust_jpeg_quality(image, quality)

    softened = tf.clip_by_value(_sharpness(images, COPY_BLUR), 0.0, 255.0)
    copies = tf.map_fn(save, tf.cast(softened, tf.uint8))
    return tf.cast(tf.ensure_shape(copies, images.shape), tf.float32)
