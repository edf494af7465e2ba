"""Finds copies of the same picture across sources, so that a held-out lesion is really held out.

Two pictures count as copies when their perceptual hashes (pHash: the signs of the low frequencies of a cosine
transform) differ in at most 20 of 255 bits while their 32 x 32 thumbnails correlate above 0.95, or in at most 64 while
they correlate above 0.99. Measured on 182 pairs known by their ISIC identity to show one picture in two sources,
re-encoded and resized: at most 12 bits and a correlation of at least 0.999. The wider limits also join near copies
(another exposure of the same lesion), though not all of them, and no picture that was turned or mirrored; and among
pictures with a heavy vignette they join some that only look alike. Joining too much costs training images: labels
that then contradict each other are not trained on. So what is a copy only when it is mirrored or turned is found
(`turned_pairs`) and told by the leak report, but joined with nothing: of 21,388 public images 124 pairs were found so
that are no copies as they are, and the five that were looked at were other lesions behind round vignettes. A part that
was cut out is not found at all.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

THUMBNAIL = 32
HASH_BITS = 255
SAME_HASH_BITS = 20
SIMILAR_HASH_BITS = 64
SAME_CORRELATION = 0.99
LEAST_CORRELATION = 0.95
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
_BLOCK = 1024


def thumbnail(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Grey thumbnail of a prepared image.

    Args:
        pixels: uint8[height, width, 3].

    Returns:
        float32[32, 32], 0 to 255.
    """
    small = Image.fromarray(pixels).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BILINEAR)
    return np.asarray(small, np.float32) @ _LUMA


def perceptual_hash(thumbnails: NDArray[np.float32]) -> NDArray[np.float32]:
    """Signs of the low frequencies of each thumbnail's cosine transform, as +1 and -1.

    Args:
        thumbnails: float32[n, 32, 32].

    Returns:
        float32[n, 255]: the 16 x 16 lowest frequencies without the mean, against their median.
    """
    n = np.arange(THUMBNAIL)
    basis = np.cos(np.pi * (2 * n[None] + 1) * n[:, None] / (2 * THUMBNAIL))[:16]
    low = np.einsum("ij,njk,lk->nil", basis, thumbnails, basis).reshape(len(thumbnails), 256)[:, 1:]
    return np.where(low > np.median(low, axis=1, keepdims=True), 1, -1).astype(np.float32)


def _normalised(thumbnails: NDArray[np.float32]) -> NDArray[np.float32]:
    flat = thumbnails.reshape(len(thumbnails), THUMBNAIL * THUMBNAIL)  # not -1, which no picture at all leaves open
    flat = flat - flat.mean(axis=1, keepdims=True)
    scaled: NDArray[np.float32] = flat / (np.linalg.norm(flat, axis=1, keepdims=True) + 1e-6)
    return scaled


def duplicate_pairs(thumbnails: NDArray[np.float32]) -> NDArray[np.int64]:
    """Pairs of pictures that are copies of each other, by the rule in the module's docstring.

    Args:
        thumbnails: float32[n, 32, 32].

    Returns:
        int64[pairs, 2], the smaller index first.
    """
    return _alike(thumbnails, thumbnails)


def turned_pairs(thumbnails: NDArray[np.float32]) -> NDArray[np.int64]:
    """Pairs of pictures of which one is, by the same rule, a copy of the other when that is mirrored or turned.

    By quarter turns alone, as whoever multiplies a data set turns them.

    Args:
        thumbnails: float32[n, 32, 32].

    Returns:
        int64[pairs, 2], the smaller index first, each pair once.
    """
    # With each turn its opposite is here, so that the smaller index may always be the one that stays as it is.
    turned = (np.rot90(side, turns, (1, 2)) for side in (thumbnails, thumbnails[:, :, ::-1]) for turns in range(4))
    found = [_alike(thumbnails, others) for others in itertools.islice(turned, 1, None)]
    return np.unique(np.concatenate(found), axis=0)


def _alike(ones: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.int64]:
    """int64[pairs, 2]: every i and j, i less than j, of which ones[i] and others[j] are copies."""
    hashes, flat = perceptual_hash(ones), _normalised(ones)
    other_hashes, other_flat = (hashes, flat) if others is ones else (perceptual_hash(others), _normalised(others))
    found = [np.empty((0, 2), np.int64)]
    for start in range(0, len(hashes), _BLOCK):
        differing = (HASH_BITS - hashes[start : start + _BLOCK] @ other_hashes[start:].T) / 2
        left, right = np.nonzero(differing <= SIMILAR_HASH_BITS)
        keep = left < right
        left, right = left[keep], right[keep]
        bits = differing[left, right]
        left, right = left + start, right + start
        correlation = (flat[left] * other_flat[right]).sum(axis=1)
        same = (bits <= SAME_HASH_BITS) & (correlation > LEAST_CORRELATION) | (correlation > SAME_CORRELATION)
        found.append(np.stack([left[same], right[same]], axis=1))
    return np.concatenate(found)


def groups(count: int, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the connected groups that pairs make.

    Args:
        count: How many pictures there are.
        pairs: int64[pairs, 2].

    Returns:
        int64[count], the group of each picture.
    """
    graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    numbers: NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
    return numbers
