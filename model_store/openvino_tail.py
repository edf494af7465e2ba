"""Keeps what comes after the last convolution in float32 where OpenVINO computes in bfloat16.

A convolution in bfloat16 moves a probability by a few thousandths. The few numbers behind the pooled features cost
nothing in float32, and rounded to three digits they contradict each other: diagnoses would no longer sum to 1. From the
outputs back to the first convolution or matrix product OpenVINO computes in float32 by itself, so the matrix products
among what comes last are written as what they are: products and sums.
"""

from __future__ import annotations

from math import prod

import openvino as ov
from openvino import opset13 as ops

_CONVOLUTIONS = ("Convolution", "GroupConvolution")
_MOST_PRODUCTS = 4_000_000
"""A larger matrix product stays one: it would take long."""


def keep_tail_precise(model: ov.Model) -> int:
    """Rewrites the matrix products of what only the last convolution's result goes into.

    What also reads earlier convolutions stays as it is: their whole maps would have to be turned into float32.

    Args:
        model: With its shapes fixed; changed in place, and the same function but for the order of sums.

    Returns:
        How many were rewritten.
    """
    nodes = model.get_ordered_ops()
    last = next((node.get_friendly_name() for node in reversed(nodes) if node.get_type_name() in _CONVOLUTIONS), None)
    sources = _convolutions_behind(nodes)
    tail = [
        node
        for node in nodes
        if node.get_type_name() == "MatMul" and sources[node.get_friendly_name()] == {last} and _can_be_rewritten(node)
    ]
    for node in tail:
        written = _as_sums(node)
        written.set_friendly_name(node.get_friendly_name())
        node.output(0).replace(written.output(0))
    model.validate_nodes_and_infer_types()
    return len(tail)


def _convolutions_behind(nodes: list[ov.Node]) -> dict[str, set[str]]:
    """Of each node the convolutions whose results go into it with no other convolution between; nodes in order."""
    found: dict[str, set[str]] = {}
    for node in nodes:
        behind: set[str] = set()
        for given in node.input_values():
            source = given.get_node()
            name = source.get_friendly_name()
            behind |= {name} if source.get_type_name() in _CONVOLUTIONS else found[name]
        found[node.get_friendly_name()] = behind
    return found


def _can_be_rewritten(node: ov.Node) -> bool:
    """Whether both factors are matrices of known and not too large shapes."""
    shapes = [node.input(index).get_partial_shape() for index in (0, 1)]
    if not all(shape.is_static and len(shape) > 1 for shape in shapes):
        return False
    inner = shapes[0].to_shape()[-2 if node.get_attributes()["transpose_a"] else -1]
    return bool(prod(node.output(0).get_shape()) * inner <= _MOST_PRODUCTS)


def _as_sums(node: ov.Node) -> ov.Node:
    """The sum over k of a[..., i, k, 1] * b[..., 1, k, j]."""
    attributes = node.get_attributes()
    left, right = node.input_value(0), node.input_value(1)
    if attributes["transpose_a"]:
        left = _transposed(left)
    if attributes["transpose_b"]:
        right = _transposed(right)
    products = ops.multiply(ops.unsqueeze(left, [-1]), ops.unsqueeze(right, [-3]))
    return ops.reduce_sum(products, [-2])


def _transposed(values: ov.Output) -> ov.Node:
    order = list(range(len(values.get_shape())))
    return ops.transpose(values, [*order[:-2], order[-1], order[-2]])
