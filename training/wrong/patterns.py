"""Noise, gradients and textures: what a broken converter or a curious tester sends."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dermoscopy.prepare import SIDE
from dermoscopy.synthesis.fields import octaves, worley

Pixels = NDArray[np.uint8]
Random = np.random.Generator


def finished(image: NDArray[np.floating]) -> Pixels:
    """Values of any range as uint8[h, w, 3], cut off at 0 and 255."""
    return np.asarray(np.rint(np.clip(image, 0, 255)), np.uint8)


def colour(random: Random) -> NDArray[np.float64]:
    """One colour: every other time one that skin could have, since no colour alone makes a picture of skin."""
    if random.uniform() < 0.5:
        return random.uniform(0, 255, 3)
    red = random.uniform(90, 245)
    return np.array([red, red * random.uniform(0.55, 0.9), red * random.uniform(0.45, 0.85)])


def _between(first: NDArray[np.float64], second: NDArray[np.float64], share: NDArray[np.floating]) -> Pixels:
    return finished(first + (second - first) * share[..., None])


def flat(random: Random) -> Pixels:
    """One colour, with or without a camera's noise."""
    return finished(colour(random) + random.choice([0, 0, 2, 6]) * random.standard_normal((SIDE, SIDE, 3)))


def noise(random: Random) -> Pixels:
    """Uniform or normal noise, grey or coloured, each pixel for itself or in larger grains."""
    grain = int(random.choice([1, 1, 2, 4, 8]))
    size = SIDE // grain
    channels = int(random.choice([1, 3]))
    shape = (size, size, channels)
    values = random.uniform(0, 255, shape) if random.uniform() < 0.5 else 128 + random.normal(0, 50, shape)
    image = Image.fromarray(finished(np.broadcast_to(values, (size, size, 3))))
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling(random.choice([0, 2, 3]))))


def clouds(random: Random) -> Pixels:
    """Smooth noise of many sizes between two colours, or in each channel for itself."""
    cells = int(random.choice([2, 3, 5, 8, 13]))
    if random.uniform() < 0.5:
        return _between(colour(random), colour(random), 0.5 + 0.5 * octaves(random, SIDE, cells, 4))
    channels = [octaves(random, SIDE, cells, 4) for _ in range(3)]
    return finished(colour(random) + random.uniform(20, 90) * np.stack(channels, axis=-1))


def gradients(random: Random) -> Pixels:
    """A linear or round change from one colour to another."""
    y, x = np.mgrid[:SIDE, :SIDE] / (SIDE - 1)
    angle = random.uniform(0, 2 * np.pi)
    line = x * np.cos(angle) + y * np.sin(angle)
    if random.uniform() < 0.4:
        line = np.hypot(x - random.uniform(0.2, 0.8), y - random.uniform(0.2, 0.8)) ** random.uniform(0.5, 3)
    return _between(colour(random), colour(random), (line - line.min()) / np.ptp(line))


def stripes(random: Random) -> Pixels:
    """Bars, waves or a chessboard."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    angle, period = random.uniform(0, np.pi), random.uniform(0.02, 0.4)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    waves = np.sin(2 * np.pi * along / period)
    if random.uniform() < 0.5:
        waves = waves * np.sin(2 * np.pi * across / period)
    if random.uniform() < 0.6:
        waves = np.sign(waves)
    return _between(colour(random), colour(random), 0.5 + 0.5 * waves)


def cells(random: Random) -> Pixels:
    """Pebbles, tiles or foam: Worley noise."""
    nearest, second, owner = worley(random, SIDE, int(random.integers(4, 30)))
    shade = (nearest, second - nearest, owner)[int(random.integers(3))]
    return _between(colour(random), colour(random), np.clip(shade, 0, 1))


def speckles(random: Random) -> Pixels:
    """Salt and pepper over one colour or over clouds."""
    image = clouds(random) if random.uniform() < 0.5 else flat(random)
    image = image.copy()
    struck = random.uniform(size=(SIDE, SIDE)) < random.uniform(0.05, 0.6)
    image[struck] = random.choice([0, 255], struck.sum())[:, None]
    return image


def shapes(random: Random) -> Pixels:
    """A few even ellipses and boxes: a drawing."""
    image = np.broadcast_to(colour(random), (SIDE, SIDE, 3)).copy()
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    for _ in range(int(random.integers(1, 9))):
        cx, cy, a, b = *random.uniform(0, 1, 2), *random.uniform(0.05, 0.4, 2)
        u, v = np.abs(x - cx) / a, np.abs(y - cy) / b
        image[(u * u + v * v < 1) if random.uniform() < 0.6 else (np.maximum(u, v) < 1)] = colour(random)
    return finished(image + random.choice([0, 0, 4]) * random.standard_normal(image.shape))
