"""Samples the picture by convolutions where a network's graph does it by matrix products, which is the same.

Before its first convolution a network of this project makes 160 pixels of 224, brightness more finely than colour: a
product with a matrix from either side, between two changes of colour coordinates. In a row of such a matrix only the
pixels around one sample weigh anything, and every five samples, seven pixels, the weights are the same again. OpenVINO
multiplies all the zeros, too, and in bf16 computes the first change of colours in bf16 whatever it is told. As a
convolution from seven pixels to the next seven, with five samples of three colours as its channels, all of it takes 0.4
instead of 1.3 ms (of 6, classifier/5 in bf16 on a core of an AMD EPYC), and nothing is rounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np
from numpy.typing import NDArray

from model_store.openvino_quiet import ops, ov

Floats = NDArray[np.float64]

LARGEST_CHANGE = 2e-4
"""Of a weight. In versions up to 5 a row's outermost weights, exp(-8) of the middle one, are there or not as the
computer that made it rounded; here they are the same for all rows. On 400 held-out images no probability changed by
more than 0.00004. Later versions differ by rounding only."""

_FRONT = ("Transpose", "Einsum", "MatMul", "MatMul", "Einsum", "Subtract", "Divide", "Convert", "Parameter")
"""From the first convolution back to the image."""
_TO_PLANES, _FROM_PLANES = "bhwc,pc->bphw", "bphw,cp->bhwc"
_CHANNELS_FIRST, _CHANNELS_LAST = (0, 3, 1, 2), (0, 2, 3, 1)


@dataclass(frozen=True)
class Bank:
    """A sampling matrix as what repeats in it.

    Attributes:
        weights: float64[planes, samples, 3 pixels]: of a block's samples, over its own pixels and those of the blocks
            before and after it.
        factors: float64[planes, blocks, samples]: what they are multiplied by, 1 but at the picture's border.
    """

    weights: Floats
    factors: Floats


def sample_by_convolutions(model: ov.Model) -> bool:
    """Rewrites what stands before the first convolution, if it is what this module knows.

    Args:
        model: With its shapes fixed; changed in place, and the same function but for `LARGEST_CHANGE`.

    Returns:
        Whether it was.
    """
    first = next((node for node in model.get_ordered_ops() if node.get_type_name() == "Convolution"), None)
    chain = [] if first is None else _chain(first)
    if first is None or tuple(node.get_type_name() for node in chain) != _FRONT:
        return False
    _, to_colours, across, down, to_planes, less, divided, converted, _ = chain
    if (to_planes.get_attributes()["equation"], to_colours.get_attributes()["equation"]) != (_TO_PLANES, _FROM_PLANES):
        return False
    constants = [_constant(*place) for place in ((less, 1), (divided, 1), (to_planes, 1), (to_colours, 1))]
    rows, columns = _constant(down, 0), _constant(across, 1)
    if rows is None or columns is None or any(constant is None for constant in constants):
        return False
    darkest, scale, planes, colours = (np.asarray(constant) for constant in constants)
    by_row, by_column = _bank(rows), _bank(columns.swapaxes(1, 2))
    if by_row is None or by_column is None:
        return False
    sampled = _down(_across(converted.output(0), by_column, planes / scale), by_row, planes.sum(axis=1) * darkest)
    # What the samples are changed into, the first convolution adds up; its border of zeros is zero in either.
    weights = ops.einsum([first.input_value(1), ops.constant(_single(colours))], "ocyx,cp->opyx")
    first.input(0).replace_source_output(ops.transpose(sampled, _CHANNELS_FIRST).output(0))
    first.input(1).replace_source_output(weights.output(0))
    model.validate_nodes_and_infer_types()
    return True


def _chain(node: ov.Node) -> list[ov.Node]:
    """What a node's data is made of, one before the other, as long as each is made of one and of constants."""
    found: list[ov.Node] = []
    left = [node.input_value(0).get_node()]
    while len(left) == 1:
        found += left
        left = [given.get_node() for given in left[0].input_values() if given.get_node().get_type_name() != "Constant"]
    return found


def _constant(node: ov.Node, index: int) -> Floats | None:
    """What a node is given, if it is a constant."""
    given = node.input_value(index).get_node()
    return np.asarray(given.data, np.float64) if given.get_type_name() == "Constant" else None


def _bank(matrix: Floats) -> Bank | None:
    """What repeats in float64[planes, samples, pixels], None if that is not the matrix but for `LARGEST_CHANGE`."""
    planes, samples, side = matrix.shape
    blocks = gcd(samples, side)
    block, pixels = samples // blocks, side // blocks
    middle = blocks // 2
    if middle < 1 or middle + 2 > blocks:
        return None
    weights = matrix[:, middle * block : (middle + 1) * block, (middle - 1) * pixels : (middle + 2) * pixels]
    repeated = np.zeros((planes, samples, side + 2 * pixels))
    for number in range(blocks):
        repeated[:, number * block : (number + 1) * block, number * pixels : (number + 3) * pixels] = weights
    inside = repeated[:, :, pixels:-pixels]
    sums = inside.sum(axis=2)
    if sums.min() <= 0:
        return None
    factors = 1 / sums
    if np.abs(inside * factors[..., None] - matrix).max() > LARGEST_CHANGE:
        return None
    return Bank(weights, factors.reshape(planes, blocks, block))


def _across(image: ov.Output, bank: Bank, colours: Floats) -> ov.Node:
    """Samples each line of float32[1, height, width, 3]: float32[1, height, samples, planes].

    Args:
        image: The picture.
        bank: Of the columns.
        colours: float64[planes, 3], of which each plane is made.
    """
    _, height, width, channels = image.get_shape()
    planes, blocks, block = bank.factors.shape
    pixels = width // blocks
    weights = bank.weights.reshape(planes, block, 3, pixels)
    kernel = np.einsum("pskx,pc->spxck", weights, colours).reshape(block * planes, pixels * channels, 1, 3)
    by_block = ops.transpose(ops.reshape(image, [1, height, blocks, pixels * channels], False), _CHANNELS_FIRST)
    sampled = ops.convolution(by_block, ops.constant(_single(kernel)), [1, 1], [0, 1], [0, 1], [1, 1])
    factors = bank.factors.transpose(2, 0, 1).reshape(1, block * planes, 1, blocks)
    sampled = ops.multiply(sampled, ops.constant(_single(factors)))
    return ops.reshape(ops.transpose(sampled, _CHANNELS_LAST), [1, height, blocks * block, planes], False)


def _down(lines: ov.Node, bank: Bank, darkest: Floats) -> ov.Node:
    """Samples each column of float32[1, height, width, planes]: float32[1, samples, width, planes].

    Args:
        lines: From `_across`.
        bank: Of the rows.
        darkest: float64[planes], which is subtracted.
    """
    _, height, width, planes = lines.output(0).get_shape()
    _, blocks, block = bank.factors.shape
    pixels = height // blocks
    kernel = np.einsum("psy,pq->spqy", bank.weights, np.eye(planes)).reshape(block * planes, planes, 3 * pixels, 1)
    sampled = ops.convolution(
        ops.transpose(lines, _CHANNELS_FIRST),
        ops.constant(_single(kernel)),
        [pixels, 1],
        [pixels, 0],
        [pixels, 0],
        [1, 1],
    )
    factors = bank.factors.transpose(2, 0, 1).reshape(1, block * planes, blocks, 1)
    sampled = ops.multiply(sampled, ops.constant(_single(factors)))
    sampled = ops.subtract(sampled, ops.constant(_single(np.tile(darkest, block)).reshape(1, -1, 1, 1)))
    by_block = ops.reshape(ops.transpose(sampled, _CHANNELS_LAST), [blocks, width, block, planes], False)
    return ops.reshape(ops.transpose(by_block, (0, 2, 1, 3)), [1, blocks * block, width, planes], False)


def _single(values: NDArray[np.floating]) -> NDArray[np.float32]:
    return np.ascontiguousarray(values, np.float32)
