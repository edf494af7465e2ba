"""What saving as JPEG does to pictures, for a whole batch at once: colour at half the side, and quantised cosines.

ITU-T T.81 (JPEG), its annex K for the tables; quality is what the Independent JPEG Group's library makes of them. The
entropy coding, which loses nothing, is left out.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

Array = jax.Array

_LUMA = (
    (16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55), (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62), (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip
_CHROMA = (
    (17, 18, 24, 47, 99, 99, 99, 99), (18, 21, 26, 66, 99, 99, 99, 99), (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99), *(((99,) * 8,) * 4),
)  # fmt: skip

_TO_YCC = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)
_FROM_YCC = np.linalg.inv(_TO_YCC)
_MIDDLE = np.array([128, 0, 0], np.float32)[:, None, None]

_ANGLES = np.outer(np.arange(8), 2 * np.arange(8) + 1) * np.pi / 16
_COSINES = (np.cos(_ANGLES) * np.where(np.arange(8)[:, None] == 0, np.sqrt(1 / 8), 0.5)).astype(np.float32)


def saved(images: Array, quality: Array) -> Array:
    """Pictures as they come back from JPEG files with halved colour.

    Args:
        images: float32[batch, height, width, 3], RGB, whole numbers from 0 to 255.
        quality: float32[batch], 50 to 100.

    Returns:
        float32 of the same shape, whole numbers from 0 to 255.
    """
    height, width = images.shape[1:3]
    margin = ((0, 0), (0, -height % 16), (0, -width % 16), (0, 0))
    planes = jnp.einsum("bhwc,pc->bphw", jnp.pad(images, margin, "edge"), _TO_YCC) - _MIDDLE
    count, _, tall, wide = planes.shape
    colour = planes[:, 1:].reshape(count, 2, tall // 2, 2, wide // 2, 2).mean(axis=(3, 5))
    luma = _quantised(planes[:, :1], _LUMA, quality) + 128
    colour = jax.image.resize(_quantised(colour, _CHROMA, quality), (count, 2, tall, wide), "linear")
    rgb = jnp.einsum("bphw,cp->bhwc", jnp.concatenate([luma, colour], axis=1), _FROM_YCC)
    return jnp.clip(jnp.round(rgb), 0, 255)[:, :height, :width]


def _quantised(planes: Array, table: tuple[tuple[int, ...], ...], quality: Array) -> Array:
    """Planes float32[batch, p, h, w] whose blocks of 8 by 8 went through the table."""
    steps = jnp.clip(jnp.floor((np.array(table, np.float32) * (200 - 2 * quality)[:, None, None] + 50) / 100), 1, 255)
    steps = steps[:, None, None, :, None, :]
    count, parts, height, width = planes.shape
    blocks = planes.reshape(count, parts, height // 8, 8, width // 8, 8)
    waves = jnp.einsum("uy,bpiyjx,vx->bpiujv", _COSINES, blocks, _COSINES, precision="highest")
    waves = jnp.round(waves / steps) * steps
    back = jnp.einsum("uy,bpiujv,vx->bpiyjx", _COSINES, waves, _COSINES, precision="highest")
    return back.reshape(planes.shape)
