"""Good pictures with hair over them, as little or as much as is asked for.

What is painted is measured: how much of the picture lies under hair is what makes a picture fit or unfit, not how many
hairs there are.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from dermoscopy.prepare import SIDE
from dermoscopy.synthesis.fields import Field, octaves
from training.wrong.patterns import Pixels, Random, finished

TONES = (
    (25, 20, 20), (46, 32, 28), (80, 58, 45), (120, 85, 60), (140, 75, 45), (190, 155, 115), (215, 205, 190),
)  # fmt: skip
"""Of hair under a dermoscope: black, dark brown, brown, light brown, red, blond, grey."""

_LARGE = 2 * SIDE
"""Drawn at twice the side and reduced, so that hairs have soft edges."""
_MOST = 3000
"""Hairs after which no more are drawn, however little they cover: they may all lie in one tuft."""


def strands(random: Random, picture: Pixels, share: float) -> Pixels:
    """Single hairs: curved strokes, combed, crossing or from one tuft, each of one thickness.

    Args:
        random: Draws everything.
        picture: uint8[224, 224, 3].
        share: Of the picture that is to lie under hair, 0 to 0.9.
    """
    canvas, tone = picture.astype(np.float64), _tone(random)
    thickness = random.uniform(1.5, 7.0)
    bend, spread = random.uniform(0.0, 0.5), random.choice([0.15, 0.5, np.pi])
    direction, tuft = random.uniform(0, np.pi), random.uniform(0, _LARGE, 2)
    gathered = random.uniform() < 0.25
    cover = Image.new("L", (_LARGE, _LARGE))
    draw, drawn = ImageDraw.Draw(cover), 0
    while drawn < _MOST and np.asarray(cover.reduce(4)).mean() < 255 * share:
        more = 1 + drawn // 8
        for _ in range(more):
            middle = random.normal(tuft, 90) if gathered else random.uniform(-40, _LARGE + 40, 2)
            angle = direction + spread * random.uniform(-1, 1)
            half = random.uniform(60, 420) * np.array([np.cos(angle), np.sin(angle)])
            control = middle + bend * random.uniform(-1, 1) * half[::-1] * (1, -1)
            width = max(1, round(thickness * random.uniform(0.6, 1.4)))
            draw.line(_curve(middle - half, control, middle + half), fill=255, width=width, joint="curve")
        drawn += more
    return _laid(random, canvas, np.asarray(cover.reduce(2), np.float64) / 255, tone)


def fur(random: Random, picture: Pixels, share: float) -> Pixels:
    """Hair that lies one way in waves, as a mass rather than as single strokes.

    Args:
        random: Draws everything.
        picture: uint8[224, 224, 3].
        share: Of the picture that is to lie under hair, 0 to 1.
    """
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    angle = random.uniform(0, np.pi)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    waves = across + random.uniform(0.0, 0.06) * octaves(random, SIDE, int(random.integers(2, 5)), 2)
    fineness = random.uniform(60, 140)
    table = random.standard_normal((16, 400))
    column, row = (waves + 1.5) * fineness, (along + 1.5) * random.uniform(1.0, 4.0)
    left, top = column.astype(int) % 399, row.astype(int) % 15
    right_share, low_share = column % 1, row % 1
    upper = table[top, left] * (1 - right_share) + table[top, left + 1] * right_share
    lower = table[top + 1, left] * (1 - right_share) + table[top + 1, left + 1] * right_share
    height = upper * (1 - low_share) + lower * low_share
    cover = np.clip((height - np.quantile(height, 1 - share)) * 4 + 0.5, 0, 1)
    return _laid(random, picture.astype(np.float64), cover, _tone(random))


def _tone(random: Random) -> Field:
    return np.clip(np.array(TONES[int(random.integers(len(TONES)))]) + random.normal(0, 8, 3), 0, 255)


def _curve(start: Field, control: Field, end: Field) -> list[tuple[float, float]]:
    t = np.linspace(0, 1, 14)[:, None]
    return [(x, y) for x, y in ((1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end).tolist()]


def _laid(random: Random, canvas: Field, cover: Field, tone: Field) -> Pixels:
    """Hair of a tone, lit unevenly and never quite opaque, over a canvas, float64[224, 224, 3]."""
    lit = 1 + 0.15 * octaves(random, SIDE, 24, 2)
    amount = (random.uniform(0.75, 1.0) * cover)[..., None]
    return finished(canvas * (1 - amount) + tone * lit[..., None] * amount)
