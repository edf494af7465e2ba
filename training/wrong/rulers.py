"""Good pictures with a ruler over them: across the lesion, or at the edge, where many good pictures have one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from dermoscopy.prepare import SIDE
from training.wrong.patterns import Pixels, Random

_LARGE = 2 * SIDE
"""Drawn at twice the side and reduced, so that ticks have soft edges."""
_LONG = 3 * SIDE
"""Half the length of a ruler, which then crosses the whole picture however it lies."""
_TONES = ((250, 250, 250), (235, 230, 205), (245, 225, 110), (190, 195, 200), (215, 225, 235), (120, 170, 200))
"""White, ivory, yellow, steel, clear, blue."""

Tint = tuple[int, int, int, int]


def across(random: Random, picture: Pixels) -> Pixels:
    """A ruler across the middle, a quarter to two thirds of the picture wide.

    Args:
        random: Draws everything.
        picture: uint8[224, 224, 3].
    """
    width = random.uniform(0.28, 0.7) * _LARGE
    return _laid(random, picture, _ruler(random, width), random.normal(0, 0.06) * _LARGE, random.uniform(0, 360))


def at_edge(random: Random, picture: Pixels, reach: float | None = None) -> Pixels:
    """A ruler at one edge, opaque or not, or the ticks of a scale alone.

    Args:
        random: Draws everything.
        picture: uint8[224, 224, 3].
        reach: How far it reaches inwards, in sides of the picture; None for an eighth or less, or ticks alone.
    """
    clear = reach is None and random.uniform() < 0.4
    inwards = (random.uniform(0.02, 0.125) if reach is None else reach) * _LARGE
    width = max(random.uniform(0.2, 0.6) * _LARGE, inwards)
    angle = float(random.choice([0, 90, 180, 270])) + random.normal(0, 2)
    return _laid(random, picture, _ruler(random, width, clear), _LARGE / 2 - inwards + width / 2, angle)


def blocks(random: Random, picture: Pixels) -> Pixels:
    """A scale of black and white blocks in an L, as in forensic photographs, over a quarter of the picture or more.

    Args:
        random: Draws everything.
        picture: uint8[224, 224, 3].
    """
    lane, step = int(random.uniform(0.12, 0.2) * _LARGE), int(random.integers(16, 60))
    layer = Image.new("RGBA", (2 * _LONG, 2 * _LONG))
    draw, corner = ImageDraw.Draw(layer), _LONG - lane
    for number, start in enumerate(range(corner, 2 * _LONG, step)):
        for side in range(2):
            fill: Tint = (20, 20, 20, 255) if (number + side) % 2 else (240, 240, 240, 255)
            first, last = (start, corner + side * lane), (start + step, corner + (side + 1) * lane)
            draw.rectangle((first, last), fill=fill)
            draw.rectangle((first[::-1], last[::-1]), fill=fill)
    return _laid(random, picture, layer, random.uniform(-0.1, 0.1) * _LARGE, random.uniform(0, 360))


def tape(random: Random, picture: Pixels) -> Pixels:
    """A measuring tape that bends across the picture, of two tones in turn.

    Args:
        random: Draws everything.
        picture: uint8[224, 224, 3].
    """
    y, x = np.mgrid[:_LARGE, :_LARGE] / _LARGE - 0.5
    bend, width, turn = random.uniform(0.5, 2.0), random.uniform(0.3, 0.6), random.uniform(0, 2 * np.pi)
    away = np.hypot(x - bend * np.cos(turn), y - bend * np.sin(turn)) - bend - random.normal(0, 0.05)
    along = np.arctan2(y - bend * np.sin(turn), x - bend * np.cos(turn)) * bend / random.uniform(0.015, 0.06)
    first, second = (np.array(_TONES[k]) for k in random.choice(len(_TONES), 2, replace=False))
    colour = np.where((along % 20 < 10)[..., None], first, second)
    ticks = (along % 1 < 0.25) & (np.abs(away) > width * np.where(along % 5 < 1, 0.25, 0.36))
    colour[ticks] = 25
    drawn = np.concatenate([colour, 255 * (np.abs(away) < width / 2)[..., None]], axis=2).astype(np.uint8)
    return _over(random, picture, Image.fromarray(drawn))


def _ruler(random: Random, width: float, clear: bool = False) -> Image.Image:
    """A ruler along x through the middle of a layer; with ticks along one side or both, mostly numbered."""
    layer = Image.new("RGBA", (2 * _LONG, _LARGE))
    draw = ImageDraw.Draw(layer)
    top, bottom = int((_LARGE - width) / 2), int((_LARGE + width) / 2)
    if not clear:
        tone = np.clip(np.array(_TONES[int(random.integers(len(_TONES)))]) + random.normal(0, 10, 3), 0, 255)
        red, green, blue = tone.astype(int).tolist()
        alpha = round(255 * random.choice([1.0, random.uniform(0.4, 1.0)]))
        draw.rectangle((0, top, 2 * _LONG, bottom), fill=(red, green, blue, alpha), outline=(90, 90, 90, 255))
    ink: Tint = (20, 20, 30, 255) if random.uniform() < 0.8 else (170, 30, 30, 255)
    step, thick = random.uniform(5, 26), int(random.integers(1, 4))
    number_at = _numbers(random, draw, step, ink)
    longest = float(random.uniform(0.2, 0.45)) * min(width, 140)
    for edge, inwards in ((top, 1), (bottom, -1))[: int(random.integers(1, 3))]:
        for number in range(int(2 * _LONG / step)):
            x = number * step
            length = longest * (1.0 if number % 10 == 0 else 0.75 if number % 5 == 0 else 0.5)
            draw.line((x, edge, x, edge + inwards * length), fill=ink, width=thick)
            if number % 10 == 0:
                number_at(x, edge + inwards * longest * 1.6, number // 10)
    return layer


def _numbers(random: Random, draw: ImageDraw.ImageDraw, step: float, ink: Tint) -> Callable[[float, float, int], None]:
    """What prints a number at a place, or nothing."""
    if random.uniform() < 0.25:
        return lambda x, y, number: None
    font = ImageFont.load_default(int(np.clip(step * random.uniform(1.5, 4), 10, 48)))
    return lambda x, y, number: draw.text((x, y), str(number), fill=ink, font=font, anchor="mm")


def _laid(random: Random, picture: Pixels, layer: Image.Image, offset: float, angle: float) -> Pixels:
    """A layer whose middle lies over the picture's middle, shifted across itself and turned (degrees)."""
    turn, slide = np.radians(angle), random.uniform(-60, 60)
    cos, sin = float(np.cos(turn)), float(np.sin(turn))
    matrix = (
        cos, sin, layer.width / 2 + slide - (cos + sin) * _LARGE / 2,
        -sin, cos, layer.height / 2 - offset + (sin - cos) * _LARGE / 2,
    )  # fmt: skip
    seen = layer.transform((_LARGE, _LARGE), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    return _over(random, picture, seen)


def _over(random: Random, picture: Pixels, layer: Image.Image) -> Pixels:
    """A layer of twice the side over the picture, a little out of focus."""
    blurred = layer.filter(ImageFilter.GaussianBlur(random.uniform(0, 1.5)))
    small = blurred.resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(Image.alpha_composite(Image.fromarray(picture).convert("RGBA"), small).convert("RGB"))
