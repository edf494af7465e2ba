"""A renderer of synthetic dermoscopic photographs, for tests, golden inputs and samples.

A rendered lesion looks enough like a photograph to exercise everything that handles one, belongs to nobody and may be
shown to anybody. It is no substitute for data: nothing about lesions may be trained or evaluated on it. (A gate learns
from renders with and without a lesion only that the one is to be answered and the other is not.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dermoscopy.synthesis import lesion, surroundings
from dermoscopy.synthesis.scene import Scene, draw

_SMALLEST_SIDE = 32


@dataclass(frozen=True)
class Rendered:
    """A photograph, and the truth about it.

    Attributes:
        pixels: uint8[side, side, 3], RGB.
        mask: bool[side, side], true inside the lesion's border.
        scene: What was painted.
    """

    pixels: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    scene: Scene


def render(seed: int, *, side: int = 224, malignancy: float = 0.5) -> Rendered:
    """Render one synthetic photograph. The same arguments give the same bytes on every machine.

    Args:
        seed: Which lesion; not negative. The same seed shows the same lesion at every side.
        side: In pixels, at least 32.
        malignancy: 0 (even, round, one brown) to 1 (asymmetric, ragged border, many colours, atypical network, veil).

    Raises:
        ValueError: An argument is out of its range.
    """
    if seed < 0 or side < _SMALLEST_SIDE or not 0.0 <= malignancy <= 1.0:
        raise ValueError("seed must not be negative, side at least 32, malignancy between 0 and 1")
    scene = draw(seed, malignancy)
    where = lesion.shape(scene, side)
    canvas = surroundings.skin(scene, side)
    lesion.paint(scene, canvas, where)
    surroundings.hairs(scene, canvas)
    surroundings.bubbles(scene, canvas)
    surroundings.light(scene, canvas)
    surroundings.camera(scene, canvas)
    pixels = np.ascontiguousarray(np.clip(np.rint(canvas), 0, 255).astype(np.uint8).transpose(1, 2, 0))
    return Rendered(pixels, where.depth > 0, scene)


def render_lesion(seed: int, *, side: int = 224, malignancy: float = 0.5) -> NDArray[np.uint8]:
    """Render one synthetic photograph and return only its pixels, uint8[side, side, 3]; see `render`."""
    return render(seed, side=side, malignancy=malignancy).pixels
