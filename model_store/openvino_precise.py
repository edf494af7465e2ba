"""Keeps the first and the last of a network in float32 where OpenVINO computes in bfloat16.

What comes after the last convolution is a few numbers. In float32 they cost nothing, and rounded to three digits they
contradict each other: diagnoses would no longer sum to 1. From the outputs back to the first convolution or matrix
product OpenVINO computes in float32 by itself, so the matrix products among what comes last are written as what they
are: products and sums.

What the first convolutions round goes through all that follow. On 1,500 held-out images classifier/5 is off by 0.0012
in the mean and 0.021 at most if the front and the first three convolutions of the network compute in float32, by 0.0017
and 0.038 if it is one less, which would save a lone image a quarter of a millisecond. OpenVINO leaves a node as it is
that has the attribute `DisablePrecisionConversion`, which its Python interface cannot set: it is written into the
model's text.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree as Xml

import numpy as np

from model_store.openvino_quiet import ops, ov

PRECISE_CONVOLUTIONS = 5
"""How many of the first ones are computed in float32; the first two are the front (`model_store.openvino_front`)."""

_CONVOLUTIONS = ("Convolution", "GroupConvolution")
_MOST_PRODUCTS = 4_000_000
"""A larger matrix product stays one: it would take long."""
_KEPT = {"name": "DisablePrecisionConversion", "version": "0", "value": "dynamic:f16"}
"""The CPU plugin asks for f16 whatever it would convert to."""


def keep_ends_precise(core: ov.Core, model: ov.Model) -> ov.Model:
    """The model whose start and tail stay in float32 in any precision.

    Args:
        core: Reads it again.
        model: With its shapes fixed; changed in place.

    Raises:
        OSError: There is no folder for temporary files.
    """
    keep_tail_precise(model)
    started = _start(model) | average_precisely(model)
    with TemporaryDirectory() as folder:
        text, weights = Path(folder) / "model.xml", Path(folder) / "model.bin"
        ov.serialize(model, str(text), str(weights))
        return core.read_model(_marked(text, started), weights.read_bytes())


def _start(model: ov.Model) -> set[str]:
    """Names of what is computed before the first convolution that is not kept: nothing where there are not as many."""
    nodes = model.get_ordered_ops()
    convolutions = [node for node in nodes if node.get_type_name() in _CONVOLUTIONS]
    if len(convolutions) <= PRECISE_CONVOLUTIONS:
        return set()
    found: set[str] = set()
    left = [convolutions[PRECISE_CONVOLUTIONS]]
    while left:
        for given in left.pop().input_values():
            source = given.get_node()
            if source.get_friendly_name() not in found:
                found.add(source.get_friendly_name())
                left.append(source)
    return found


def _marked(text: Path, names: set[str]) -> bytes:
    """A model's text in which the named nodes keep their precision."""
    tree = Xml.parse(text)  # noqa: S314 - written by OpenVINO just now
    for layer in tree.iter("layer"):
        if layer.get("name") in names and layer.get("type") not in {"Const", "Parameter"}:
            told = layer.find("rt_info")
            if told is None:
                told = Xml.Element("rt_info")
                layer.insert(0 if layer.find("data") is None else 1, told)
            Xml.SubElement(told, "attribute", _KEPT)
    marked: bytes = Xml.tostring(tree.getroot(), xml_declaration=True, encoding="utf-8")
    return marked


def keep_tail_precise(model: ov.Model) -> int:
    """Rewrites the matrix products of what comes of the last convolution's result.

    One that also reads earlier convolutions stays as it is: their whole maps would have to be turned into float32. Its
    result is a few numbers, and what comes of them and of the last convolution is rewritten again.

    Args:
        model: With its shapes fixed; changed in place, and the same function but for the order of sums.

    Returns:
        How many were rewritten.
    """
    nodes = model.get_ordered_ops()
    last = next((node.get_friendly_name() for node in reversed(nodes) if node.get_type_name() in _CONVOLUTIONS), None)
    few = {last}

    def ends(node: ov.Node, behind: set[str]) -> bool:
        mixed = node.get_type_name() == "MatMul" and bool(behind - few)
        if mixed:
            few.add(node.get_friendly_name())
        return mixed or node.get_type_name() in _CONVOLUTIONS

    sources = _sources_of(nodes, ends)
    tail = [
        node
        for node in nodes
        if node.get_type_name() == "MatMul"
        and sources[node.get_friendly_name()]
        and sources[node.get_friendly_name()] <= few
        and _can_be_rewritten(node)
    ]
    for node in tail:
        written = _as_sums(node)
        written.set_friendly_name(node.get_friendly_name())
        node.output(0).replace(written.output(0))
    model.validate_nodes_and_infer_types()
    return len(tail)


def average_precisely(model: ov.Model) -> set[str]:
    """Rewrites means over the map of the last convolution that computes in float32.

    Such a map lies in memory pixel by pixel. To take a channel's mean, OpenVINO would turn all of it into bfloat16 and
    put it in order channel by channel, a twentieth of the forward pass; of the same map as a matrix it need not.

    Args:
        model: With its shapes fixed; changed in place, and the same function but for the order of sums.

    Returns:
        Names of all that is computed of that map and of no other, which is to stay in float32 for it.
    """
    nodes = model.get_ordered_ops()
    convolutions = [node for node in nodes if node.get_type_name() in _CONVOLUTIONS]
    if len(convolutions) <= PRECISE_CONVOLUTIONS:
        return set()
    only = {convolutions[PRECISE_CONVOLUTIONS - 1].get_friendly_name()}
    sources = _convolutions_behind(nodes)
    for node in nodes:
        if sources[node.get_friendly_name()] == only and _is_mean_of_map(node):
            node.output(0).replace(_mean_of_rows(node).output(0))
    model.validate_nodes_and_infer_types()
    nodes = [node for node in model.get_ordered_ops() if node.get_type_name() not in _CONVOLUTIONS]
    sources = _convolutions_behind(model.get_ordered_ops())
    return {name for node in nodes if sources[name := node.get_friendly_name()] == only}


def _is_mean_of_map(node: ov.Node) -> bool:
    """Whether it is the mean over height and width of [1, channels, height, width]."""
    if node.get_type_name() != "ReduceMean" or node.input_value(1).get_node().get_type_name() != "Constant":
        return False
    shape = node.input(0).get_partial_shape()
    axes = sorted(int(axis) for axis in np.atleast_1d(node.input_value(1).get_node().data))
    return shape.is_static and len(shape) == 4 and shape.to_shape()[0] == 1 and axes == [2, 3]


def _mean_of_rows(node: ov.Node) -> ov.Node:
    channels = node.input_value(0).get_shape()[1]
    rows = ops.reshape(ops.transpose(node.input_value(0), [0, 2, 3, 1]), [-1, channels], False)
    return ops.reshape(ops.reduce_mean(rows, [0], True), list(node.output(0).get_shape()), False)


def _convolutions_behind(nodes: list[ov.Node]) -> dict[str, set[str]]:
    """Of each node the convolutions whose results go into it with no other convolution between; nodes in order."""
    return _sources_of(nodes, lambda node, _: node.get_type_name() in _CONVOLUTIONS)


def _sources_of(nodes: list[ov.Node], ends: Callable[[ov.Node, set[str]], bool]) -> dict[str, set[str]]:
    """Of each node those before it beyond which nobody looks.

    Args:
        nodes: In order.
        ends: Whether a node, with what is behind it, is such a one.
    """
    found: dict[str, set[str]] = {}
    seen_as: dict[str, set[str]] = {}
    for node in nodes:
        name = node.get_friendly_name()
        found[name] = set[str]().union(
            *(seen_as[given.get_node().get_friendly_name()] for given in node.input_values())
        )
        seen_as[name] = {name} if ends(node, found[name]) else found[name]
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
