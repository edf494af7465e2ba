"""Skin with nothing on it, as `dermoscopy.synthesis` and as simpler renderers paint it."""

from __future__ import annotations

import numpy as np

from dermoscopy.prepare import SIDE
from dermoscopy.synthesis import surroundings
from dermoscopy.synthesis.fields import octaves
from dermoscopy.synthesis.scene import draw
from training.wrong.patterns import Pixels, Random, finished


def skin(random: Random) -> Pixels:
    """Everything that a rendered lesion has around it: blotches, furrows, hairs, bubbles, light, a vignette."""
    scene = draw(int(random.integers(2**31)), 0.5)
    canvas = surroundings.skin(scene, SIDE)
    for layer in (surroundings.hairs, surroundings.bubbles, surroundings.light, surroundings.camera):
        layer(scene, canvas)
    return finished(canvas.transpose(1, 2, 0))


def plain_skin(random: Random) -> Pixels:
    """A skin colour with a little unevenness and noise: no more than some renderers know of skin."""
    red = random.uniform(70, 240)
    tone = np.array([red, red * random.uniform(0.6, 0.88), red * random.uniform(0.5, 0.85)])
    blotches = octaves(random, SIDE, int(random.integers(2, 9)), int(random.integers(1, 5)))
    image = tone * (1 + random.uniform(0, 0.08) * blotches[..., None])
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    image *= (1 - random.uniform(0, 0.9) * (x * x + y * y))[..., None]
    return finished(image + random.uniform(0, 8) * random.standard_normal(image.shape))
