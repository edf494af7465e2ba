"""The lesion: where it is, and its pigment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dermoscopy.synthesis.fields import Colour, Field, axis, blend, noise, octaves, smoothstep, worley
from dermoscopy.synthesis.scene import Scene, stream

_TAN: Colour = (186, 122, 82)
_BROWN: Colour = (124, 70, 44)
_DARK_BROWN: Colour = (72, 40, 32)
_BLACK: Colour = (34, 24, 28)
_RED: Colour = (196, 92, 92)
_BLUE_GREY: Colour = (98, 108, 132)
_SCAR: Colour = (226, 206, 204)


@dataclass(frozen=True)
class Shape:
    """Where the lesion is.

    Attributes:
        depth: float64[side, side], 1 deep inside, 0 on the border, negative outside; about 1 per radius.
        cover: float64[side, side], 0 (skin) to 1 (lesion), soft at the border.
    """

    depth: Field
    cover: Field


def shape(scene: Scene, side: int) -> Shape:
    """Outline the lesion: an ellipse, joined by a lobe to one side, with a border that noise pushes in and out."""
    rng = stream(scene.seed, 1)
    x, y = axis(side)[None, :] - scene.centre[0], axis(side)[:, None] - scene.centre[1]
    along = (x * scene.direction[0] + y * scene.direction[1]) / scene.radii[0]
    across = (y * scene.direction[0] - x * scene.direction[1]) / scene.radii[1]
    depth = 1.0 - np.sqrt(along * along + across * across)
    if scene.lobe_radius > 0:
        lx, ly = x - scene.lobe[0], y - scene.lobe[1]
        depth = np.maximum(depth, (scene.lobe_radius - np.sqrt(lx * lx + ly * ly)) / scene.radii[0])
    stray = 0.75 * noise(rng, side, 5) + 0.5 * noise(rng, side, 12) + 0.3 * noise(rng, side, 30)
    depth = depth + scene.irregularity * stray
    # Melanoma often ends abruptly on one side and fades on the other.
    softness = scene.softness * (1.0 + 0.6 * np.clip(noise(rng, side, 3), -1.0, 1.0))
    return Shape(depth, smoothstep(-0.5 * softness, 0.5 * softness, depth))


def _base(scene: Scene, canvas: Field, where: Shape) -> None:
    """Lay down the brown: darker towards the middle, variegated as the scene says."""
    side = canvas.shape[1]
    rng = stream(scene.seed, 2)
    mottle = octaves(rng, side, 6, 5)
    patches = noise(rng, side, 4)
    middle = 0.28 * np.clip(where.depth, 0.0, 1.0)
    tone = scene.darkness + middle + 0.2 * mottle + 0.6 * scene.variegation * patches
    blend(canvas, _TAN, 0.85 * where.cover)
    blend(canvas, _BROWN, 0.9 * where.cover * smoothstep(0.1, 0.6, tone))
    blend(canvas, _DARK_BROWN, 0.88 * where.cover * smoothstep(0.45, 0.95, tone))
    blend(canvas, _BLACK, 0.85 * where.cover * smoothstep(0.8, 1.2, tone))
    red = scene.redness * smoothstep(0.1, 0.7, -patches + 0.4 * mottle)
    blend(canvas, _RED, 0.6 * where.cover * red)


def _structures(scene: Scene, canvas: Field, where: Shape) -> None:
    """Draw pigment network (lines between the cells of a mesh) and globules (dots within them)."""
    side = canvas.shape[1]
    rng = stream(scene.seed, 3)
    odd = scene.network_irregularity
    nearest, second, owner = worley(rng, side, 46 - int(16 * odd))
    broad = 0.45 + 0.25 * odd * (1.0 + noise(rng, side, 6))
    lines = 1.0 - smoothstep(0.0, broad, second - nearest)
    patches = 1.0 - odd * smoothstep(-0.2, 0.35, noise(rng, side, 4))
    rim = smoothstep(-0.05, 0.15, where.depth) * (1.0 - 0.7 * smoothstep(0.35, 0.8, where.depth))
    blend(canvas, _DARK_BROWN, 0.45 * scene.network * lines * patches * rim * where.cover)
    # Every fifth mesh holds a globule; irregular ones vary in size and gather on one side.
    radius = 0.25 + 0.3 * odd * (owner * 5.0 % 1.0)
    dots = (1.0 - smoothstep(0.4 * radius, 1.2 * radius, nearest)) * (owner < 0.2)
    gathered = smoothstep(-0.35, 0.25, noise(rng, side, 3)) * smoothstep(-0.12, 0.05, where.depth)
    blend(canvas, _BLACK, 0.75 * scene.globules * dots * gathered)


def _late_signs(scene: Scene, canvas: Field, where: Shape) -> None:
    """Cover parts of the lesion with blue-white veil and with scar-like regression, peppered with grey."""
    side = canvas.shape[1]
    rng = stream(scene.seed, 4)
    haze = octaves(rng, side, 9, 2)
    place = noise(rng, side, 4)
    veil = scene.veil * smoothstep(0.1, 0.4, where.depth) * smoothstep(-0.15, 0.45, place + 0.3 * haze)
    blend(canvas, _BLUE_GREY, 0.68 * veil * (0.8 + 0.2 * np.clip(haze, -1.0, 1.0)))
    spread = smoothstep(0.2, 0.75, 0.6 * noise(rng, side, 6) - place - 0.2 * haze)
    regression = scene.regression * spread * smoothstep(0.0, 0.25, where.depth)
    blend(canvas, _SCAR, 0.6 * regression)
    pepper = smoothstep(0.3, 0.9, noise(rng, side, 110))
    blend(canvas, _BLUE_GREY, 0.5 * regression * pepper)


def paint(scene: Scene, canvas: Field, where: Shape) -> None:
    """Paint the lesion on the skin, in place (float64[3, side, side], 0 to 255)."""
    halo = smoothstep(-0.9, -0.05, where.depth) * (1.0 - where.cover)
    blend(canvas, _RED, 0.25 * scene.redness * halo)
    _base(scene, canvas, where)
    _structures(scene, canvas, where)
    _late_signs(scene, canvas, where)
