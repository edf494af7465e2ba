"""Scanned pages, screenshots and charts."""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from dermoscopy.prepare import SIDE
from training.wrong.patterns import Pixels, Random, colour, finished

_LETTERS = np.array(list("eeeeettttaaaooiinnsshhrrddlluucmfwygpbvk"))
_LARGE = 448
"""Drawn at twice the side and reduced, so that letters are as soft as in a scan."""

Tint = tuple[int, int, int]


def _tint(values: object) -> Tint:
    red, green, blue = np.asarray(values, np.float64).clip(0, 255).astype(int).tolist()
    return red, green, blue


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _words(random: Random, length: int) -> str:
    words = ("".join(random.choice(_LETTERS, int(random.integers(2, 10)))) for _ in range(length // 4 + 1))
    return " ".join(words)[:length]


def _lines(draw: ImageDraw.ImageDraw, random: Random, box: tuple[int, int, int, int], ink: Tint, size: int) -> None:
    """Text in a box, with headings and paragraphs of uneven length."""
    left, y, right, bottom = box
    while y < bottom - size:
        heading = random.uniform() < 0.08
        height = int(size * (1.5 if heading else 1))
        length = int((right - left) / height * 2 * (random.uniform(0.2, 1) if random.uniform() < 0.25 else 1))
        draw.text((left, y), _words(random, max(length, 3)), fill=ink, font=_font(height))
        y += int(height * random.uniform(1.2, 1.5)) + (size if random.uniform() < 0.12 else 0)


def _reduced(image: Image.Image) -> Pixels:
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def pages(random: Random) -> Pixels:
    """A page of text as a scanner or a telephone sees it: tilted, unevenly lit, on white or yellowish paper."""
    paper = 255 - random.uniform(0, 60) * np.array([0.3, 0.45, 1.0])
    image = Image.new("RGB", (_LARGE, _LARGE), _tint(paper))
    draw, margin = ImageDraw.Draw(image), int(random.integers(5, 70))
    columns = int(random.choice([1, 1, 2, 3]))
    ink = _tint(random.uniform(0, 90) * np.array([1, 1, random.uniform(1, 2)]))
    width = (_LARGE - 2 * margin) // columns
    size = int(random.integers(8, 40))
    for column in range(columns):
        left = margin + column * width
        _lines(draw, random, (left, margin, left + width - size, _LARGE - margin), ink, size)
    for y in random.integers(0, _LARGE, int(random.choice([0, 0, 2, 8]))).tolist():
        draw.line((margin, y, _LARGE - margin, y), fill=ink, width=2)
    image = image.rotate(
        random.normal(0, 3), Image.Resampling.BILINEAR, fillcolor=_tint(paper * random.uniform(0.1, 1))
    )
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    light = 1 + random.uniform(-0.4, 0.4) * x + random.uniform(-0.4, 0.4) * y
    return finished(_reduced(image) * light[..., None] + random.uniform(0, 5) * random.standard_normal((SIDE, SIDE, 3)))


def screens(random: Random, inset: Pixels | None = None) -> Pixels:
    """Windows with bars, lists, buttons and text, bright or dark.

    Args:
        random: Draws everything.
        inset: A picture that one of the windows shows, uint8[224, 224, 3].
    """
    dark = random.uniform() < 0.35
    ground, ink = (random.uniform(15, 60), 220) if dark else (random.uniform(200, 255), 30)
    image = Image.new("RGB", (_LARGE, _LARGE), _tint(colour(random) if random.uniform() < 0.3 else [ground] * 3))
    draw = ImageDraw.Draw(image)
    for _ in range(int(random.integers(1, 5))):
        left, top = random.integers(0, _LARGE // 2, 2).tolist()
        right, bottom = left + int(random.integers(80, _LARGE)), top + int(random.integers(80, _LARGE))
        draw.rectangle(
            (left, top, right, bottom), fill=_tint([ground + random.uniform(-12, 12)] * 3), outline=(128,) * 3
        )
        draw.rectangle((left, top, right, top + 22), fill=_tint(colour(random)))
        size = int(random.integers(9, 18))
        _lines(draw, random, (left + 8, top + 30, min(right, _LARGE) - 8, min(bottom, _LARGE)), (ink,) * 3, size)
        for _ in range(int(random.integers(0, 6))):
            x, y = int(random.integers(left, left + 300)), int(random.integers(top, top + 300))
            box = (x, y, x + int(random.integers(12, 90)), y + int(random.integers(10, 34)))
            draw.rounded_rectangle(box, 5, fill=_tint(colour(random)))
    if inset is not None:
        side = int(_LARGE * random.uniform(0.2, 0.5))
        corner = tuple(random.integers(0, _LARGE - side, 2).tolist())
        image.paste(Image.fromarray(inset).resize((side, side)), corner)
    return _reduced(image)


def charts(random: Random) -> Pixels:
    """Curves, bars or points on axes; an electrocardiogram on its grid looks like this too."""
    image = Image.new("RGB", (_LARGE, _LARGE), _tint(255 - random.uniform(0, 40, 3)))
    draw, step = ImageDraw.Draw(image), int(random.integers(12, 60))
    grid = _tint(random.uniform(150, 240, 3))
    for place in range(0, _LARGE, step):
        draw.line((place, 0, place, _LARGE), fill=grid)
        draw.line((0, place, _LARGE, place), fill=grid)
    for _ in range(int(random.integers(1, 6))):
        x = np.linspace(20, _LARGE - 20, int(random.integers(8, 200)))
        walk = np.cumsum(random.standard_normal(len(x)))
        y = _LARGE * (0.1 + 0.8 * (walk - walk.min()) / (np.ptp(walk) + 1e-9))
        tint = _tint(random.uniform(0, 220, 3))
        kind = random.integers(3)
        for one, two in zip(zip(x, y, strict=True), zip(x[1:], y[1:], strict=False), strict=False):
            if kind == 0:
                draw.line((*one, *two), fill=tint, width=3)
            elif kind == 1:
                draw.rectangle((one[0], min(one[1], 420), two[0] - 2, 421), fill=tint)
            else:
                draw.ellipse((one[0] - 5, one[1] - 5, one[0] + 5, one[1] + 5), fill=tint)
    draw.rectangle((20, 20, _LARGE - 20, _LARGE - 20), outline=(0, 0, 0), width=2)
    _lines(draw, random, (30, 2, _LARGE, 20), (0, 0, 0), 14)
    return _reduced(image)


def handwriting(random: Random) -> Pixels:
    """Scribbled lines on ruled paper."""
    image = Image.new("RGB", (_LARGE, _LARGE), _tint(255 - random.uniform(0, 50, 3)))
    draw, step = ImageDraw.Draw(image), int(random.integers(24, 60))
    ink, width = _tint(random.uniform(0, 130, 3)), int(random.integers(2, 5))
    for y in range(step, _LARGE, step):
        draw.line((0, y, _LARGE, y), fill=_tint([190, 205, 225]))
        t = np.linspace(0, random.uniform(20, 45), 160)
        wiggle = np.convolve(random.standard_normal(168), np.ones(9) / 9, "valid")
        x = 20 + np.linspace(0, random.uniform(150, 400), 160) + 7 * np.cos(t * 1.7)
        draw.line(list(zip(x, y - 8 + 0.35 * step * (np.sin(t) * 0.5 + wiggle), strict=True)), fill=ink, width=width)
    return _reduced(image.filter(ImageFilter.GaussianBlur(random.uniform(0, 1.5))))
