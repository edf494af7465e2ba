"""What surrounds the lesion: skin, hairs, gel bubbles, the light of the dermoscope and the camera."""

from __future__ import annotations

import numpy as np

from dermoscopy.synthesis.fields import Colour, Field, axis, blend, noise, octaves, smoothstep
from dermoscopy.synthesis.scene import Scene, stream

_FLUSH: Colour = (205, 105, 105)
_HAIR_DARK: Colour = (46, 32, 28)
_HAIR_LIGHT: Colour = (142, 98, 70)
_GLARE: Colour = (250, 246, 244)


def skin(scene: Scene, side: int) -> Field:
    """Paint bare skin: blotches, flushed spots and fine furrows.

    Returns:
        float64[3, side, side], 0 to 255.
    """
    rng = stream(scene.seed, 5)
    canvas = np.empty((3, side, side))
    blotches = octaves(rng, side, 3, 4)
    for channel, strength in enumerate((7.0, 10.0, 10.0)):
        canvas[channel] = scene.skin[channel] + strength * blotches
    blend(canvas, _FLUSH, 0.16 * smoothstep(0.1, 0.9, octaves(rng, side, 7, 3)))
    # Furrows run where the noise crosses zero.
    for cells, strength in ((16, 5.0), (38, 5.0)):
        ridge = noise(rng, side, cells)
        canvas -= strength * (1.0 - smoothstep(0.0, 0.3, np.abs(ridge)))
    canvas += 4.0 * noise(rng, side, 90)
    return canvas


def _hair(rng: np.random.Generator, cover: Field) -> None:
    """Draw one hair, a quadratic Bézier curve from outside to outside, into `cover`, in place."""
    side = cover.shape[0]
    start, end = rng.uniform(-0.4, 1.4, (2, 2))
    bend = (start + end) / 2 + rng.uniform(-0.22, 0.22, 2)
    half_width = max(0.45, rng.uniform(0.0016, 0.0042) * side)
    t = np.linspace(0.0, 1.0, 3 * side)[:, None]
    points = ((1 - t) * (1 - t) * start + 2 * t * (1 - t) * bend + t * t * end) * side - 0.5
    reach = int(half_width) + 1
    base = np.floor(points).astype(np.intp)
    for down in range(-reach, reach + 2):
        for across in range(-reach, reach + 2):
            column, row = base[:, 0] + across, base[:, 1] + down
            dx, dy = points[:, 0] - column, points[:, 1] - row
            covered = np.clip(half_width + 0.5 - np.sqrt(dx * dx + dy * dy), 0.0, 1.0)
            seen = (covered > 0) & (column >= 0) & (column < side) & (row >= 0) & (row < side)
            np.maximum.at(cover, (row[seen], column[seen]), covered[seen])


def hairs(scene: Scene, canvas: Field) -> None:
    """Lay the hairs over the picture, in place (float64[3, side, side])."""
    rng = stream(scene.seed, 6)
    colour = _HAIR_LIGHT if rng.uniform() < 0.3 else _HAIR_DARK
    cover = np.zeros(canvas.shape[1:])
    for _ in range(scene.hairs):
        _hair(rng, cover)
    blend(canvas, colour, 0.85 * cover)


def bubbles(scene: Scene, canvas: Field) -> None:
    """Trap air in the contact gel, in place: a dark rim, and a glint on the side of the light."""
    rng = stream(scene.seed, 7)
    side = canvas.shape[1]
    for cx, cy, size in rng.uniform(0.0, 1.0, (scene.bubbles, 3)):
        radius = 0.012 + 0.03 * size * size
        x, y = axis(side)[None, :] - cx, axis(side)[:, None] - cy
        away = np.sqrt(x * x + y * y) / radius
        blend(canvas, (60.0, 45.0, 45.0), 0.35 * smoothstep(0.75, 0.95, away) * (1.0 - smoothstep(0.95, 1.15, away)))
        blend(canvas, _GLARE, 0.15 * (1.0 - smoothstep(0.7, 0.9, away)))
        gx, gy = x + 0.45 * radius, y + 0.45 * radius
        blend(canvas, _GLARE, 0.8 * (1.0 - smoothstep(0.1, 0.28, np.sqrt(gx * gx + gy * gy) / radius)))


def light(scene: Scene, canvas: Field) -> None:
    """Light the picture unevenly and darken what lies outside the dermoscope's circle, in place."""
    rng = stream(scene.seed, 8)
    side = canvas.shape[1]
    cx, cy = rng.uniform(0.47, 0.53, 2)
    x, y = axis(side)[None, :] - cx, axis(side)[:, None] - cy
    square = x * x + y * y
    slant = rng.uniform(-0.12, 0.12, 2)
    canvas *= 1.06 - rng.uniform(0.1, 0.45) * square + slant[0] * x + slant[1] * y
    edge = rng.uniform(0.02, 0.08)
    canvas *= 1.0 - 0.97 * smoothstep(scene.vignette - edge, scene.vignette + edge, np.sqrt(square))


def camera(scene: Scene, canvas: Field) -> None:
    """Tint the picture as a white balance would, and add the noise of the sensor, in place."""
    rng = stream(scene.seed, 9)
    canvas *= rng.uniform(0.95, 1.05, 3)[:, None, None]
    canvas += rng.uniform(1.0, 2.5) * rng.standard_normal(canvas.shape)
