"""The augmentation of `training.augment` in JAX: the same changes, drawn as often, of whole batches on the device."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from training.accelerator.jpeg import saved
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

Array = jax.Array


def vary(key: Array, pixels: Array) -> Array:
    """See `training.augment.augment`.

    Args:
        key: Of the draw.
        pixels: uint8[batch, side, side, 3].

    Returns:
        float32[batch, side, side, 3], 0 to 255.
    """
    place, focus, colour, border = jax.random.split(key, 4)
    images = _colour(colour, _sharpness(focus, _turned(place, pixels), SHARPNESS))
    return jnp.clip(_vignettes(border, images), 0, 255)


def degrade(key: Array, images: Array) -> Array:
    """See `training.augment.degrade`: float32[batch, side, side, 3], 0 to 255, and copies of that shape."""
    focus, quality = jax.random.split(key)
    softened = jnp.floor(jnp.clip(_sharpness(focus, images, COPY_BLUR), 0, 255))
    drawn = jax.random.randint(quality, (len(images),), *COPY_QUALITY).astype(jnp.float32)
    return saved(softened, drawn)


def _draw(key: Array, count: int, low: float, high: float) -> Array:
    return jax.random.uniform(key, (count, 1, 1, 1), minval=low, maxval=high)


def _turned(key: Array, pixels: Array) -> Array:
    """Rotation, flip, zoom, stretch and shift about the centre; what lies outside is mirrored in."""
    count, side = pixels.shape[:2]
    keys = jax.random.split(key, 6)
    angle, scale = _draw(keys[0], count, 0, 2 * np.pi)[..., 0], _draw(keys[1], count, *ZOOM)[..., 0]
    stretch = _draw(keys[2], count, 1 - ASPECT, 1 + ASPECT)[..., 0]
    flip = jnp.where(_draw(keys[3], count, -1, 1)[..., 0] < 0, -1, 1) * stretch
    cos, sin, centre = jnp.cos(angle) * scale, jnp.sin(angle) * scale, (side - 1) / 2
    shift_x, shift_y = (_draw(one, count, -SHIFT, SHIFT)[..., 0] * side for one in keys[4:])
    away = jnp.arange(side) - centre
    x, y = away[None, None, :], away[None, :, None]
    return _sampled(pixels, cos * flip * x - sin * y + centre + shift_x, sin * flip * x + cos * y + centre + shift_y)


def _sampled(pixels: Array, x: Array, y: Array) -> Array:
    """Bilinear samples, float32[batch, side, side, 3], at places float32[batch, side, side]."""
    count, side = pixels.shape[:2]
    left, top = jnp.floor(x), jnp.floor(y)
    which = jnp.arange(count)[:, None, None]

    def at(row: Array, column: Array) -> Array:
        return pixels[which, _mirrored(row, side), _mirrored(column, side)].astype(jnp.float32)

    right, down = (x - left)[..., None], (y - top)[..., None]
    upper = at(top, left) * (1 - right) + at(top, left + 1) * right
    lower = at(top + 1, left) * (1 - right) + at(top + 1, left + 1) * right
    return upper * (1 - down) + lower * down


def _mirrored(places: Array, side: int) -> Array:
    within = jnp.mod(places.astype(jnp.int32), 2 * side)
    return jnp.where(within < side, within, 2 * side - 1 - within)


def _sharpness(key: Array, images: Array, amounts: tuple[float, float]) -> Array:
    """Blur (positive) or sharpen (negative) by a random amount; the outermost pixels stay."""
    rows = 0.25 * images[:, :-2] + 0.5 * images[:, 1:-1] + 0.25 * images[:, 2:]
    blurred = 0.25 * rows[:, :, :-2] + 0.5 * rows[:, :, 1:-1] + 0.25 * rows[:, :, 2:]
    change = jnp.pad(blurred - images[:, 1:-1, 1:-1], ((0, 0), (1, 1), (1, 1), (0, 0)))
    return images + _draw(key, len(images), *amounts) * change


def _colour(key: Array, images: Array) -> Array:
    count, keys = len(images), jax.random.split(key, 4)
    grey = jnp.mean(images, axis=3, keepdims=True)
    images = grey + (images - grey) * _draw(keys[0], count, *SATURATION)
    mean = jnp.mean(images, axis=(1, 2, 3), keepdims=True)
    images = mean + (images - mean) * _draw(keys[1], count, *CONTRAST)
    gain = jax.random.uniform(keys[2], (count, 1, 1, 3), minval=1 - GAIN, maxval=1 + GAIN)
    return images * gain + _draw(keys[3], count, -BRIGHTNESS, BRIGHTNESS)


def _vignettes(key: Array, images: Array) -> Array:
    """Darken everything outside a random ellipse with a soft edge, in a share of the batch."""
    count, side = images.shape[:2]
    keys = jax.random.split(key, 8)
    line = jnp.linspace(-1, 1, side)
    aspect = _draw(keys[0], count, 1, 1.33)
    wide = _draw(keys[1], count, 0, 1) < 0.5
    x = (line[None, None, :, None] - _draw(keys[2], count, -0.1, 0.1)) * jnp.where(wide, aspect, 1.0)
    y = line[None, :, None, None] - _draw(keys[3], count, -0.1, 0.1)
    radius, softness = _draw(keys[4], count, 0.8, 1.35), _draw(keys[5], count, 0.01, 0.12)
    outside = jax.nn.sigmoid((jnp.sqrt(x**2 + y**2) - radius) / softness)
    outside = outside * (_draw(keys[6], count, 0, 1) < VIGNETTE_SHARE)
    return images * (1 - outside) + _draw(keys[7], count, 0, 30) * outside
