"""How a version is run: OpenVINO reads its SavedModel directly; TensorFlow is the reference.

Whatever the runtime: an image's answer is bit-equal whether it is run alone or in a batch, arrays that come back are
the caller's own, and numbers that are not finite raise instead of coming back.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from model_store.compiled import CompiledModels
from model_store.errors import ImplausibleOutput, UnvalidatedPrecision
from model_store.store import StoredVersion

RuntimeName = Literal["openvino", "tensorflow"]
Precision = Literal["f32", "bf16"]

IMAGE_SHAPE = (224, 224, 3)


class Runtime(Protocol):
    """A loaded version; safe to use from many threads at once."""

    @property
    def name(self) -> RuntimeName:
        """Which runtime it is."""

    @property
    def precision(self) -> Precision:
        """The precision that it runs in, as the runtime itself reports it."""

    def run(self, images: NDArray[np.uint8], *, together: int = 1) -> dict[str, NDArray[np.float32]]:
        """Runs a batch.

        Args:
            images: uint8[n, 224, 224, 3], RGB, n >= 1, contiguous.
            together: How many images are worked on side by side now, whoever runs them. It decides only how the
                processors are shared out, never a bit of an answer.

        Returns:
            Output name -> f32[n, ...], finite, in the order of the images.

        Raises:
            ValueError: The images are not such an array.
            ImplausibleOutput: The model returned something that is not finite, or not one answer for each image.
        """

    @property
    def crowded(self) -> bool:
        """Whether it was asked for more images at once than it is ready for; those are run as lone ones are."""

    def expect_crowds(self) -> None:
        """Makes ready for many images at once; the first call takes a moment, and memory."""

    def keep_compiled(self) -> None:
        """Keeps what had to be compiled for the next start, if `load` was told where.

        Raises:
            OSError: It cannot be written there.
        """


def load(
    version: StoredVersion,
    *,
    runtime: RuntimeName = "openvino",
    precision: Literal["auto", "f32", "bf16"] = "auto",
    threads: int = 0,
    compiled: CompiledModels | None = None,
) -> Runtime:
    """Loads a version in a precision that its manifest vouches for.

    Args:
        version: An opened, so verified, version.
        runtime: Which runtime; there is never a silent fallback to the other one.
        precision: "auto" takes bf16 where the processor computes it and the manifest validated it, else f32.
        threads: Threads of the runtime for all runs together; 0 lets it choose.
        compiled: What earlier starts compiled of it, and where to keep what this one compiles.

    Raises:
        UnvalidatedPrecision: The manifest does not list this runtime and precision as validated.
        RefusedVersion: The files verify, but the runtime cannot read them.
        RuntimeUnavailable: The runtime is not installed or does not run the precision.
    """
    chosen = fastest_precision(version, runtime) if precision == "auto" else precision
    if version.manifest.validated(runtime, chosen) is None:
        where = f"{version.name}/{version.version}"
        raise UnvalidatedPrecision(f"{where} was not validated for {runtime} in {chosen}.")
    return load_directory(version.path, runtime=runtime, precision=chosen, threads=threads, compiled=compiled)


def load_directory(
    path: Path,
    *,
    runtime: RuntimeName = "openvino",
    precision: Precision = "f32",
    threads: int = 0,
    compiled: CompiledModels | None = None,
) -> Runtime:
    """Loads a SavedModel that was not published yet; for training, which must measure a precision to validate it.

    Args:
        path: The SavedModel's directory.
        runtime: Which runtime.
        precision: Which precision, exactly.
        threads: As in `load`.
        compiled: As in `load`; TensorFlow compiles nothing ahead.

    Raises:
        RefusedVersion: The runtime cannot read the SavedModel.
        RuntimeUnavailable: The runtime is not installed or does not run the precision.
    """
    # Imported only here: the service image holds no TensorFlow, and training needs no OpenVINO to start.
    if runtime == "tensorflow":
        from model_store.runtime_tensorflow import TensorFlowRuntime  # noqa: PLC0415

        return TensorFlowRuntime(path, precision=precision, threads=threads)
    from model_store.runtime_openvino import OpenVinoRuntime  # noqa: PLC0415

    return OpenVinoRuntime(path, precision=precision, threads=threads, compiled=compiled)


def check_images(images: NDArray[np.uint8]) -> None:
    """Raises ValueError unless the images are a contiguous uint8[n, 224, 224, 3] with n >= 1."""
    if images.dtype != np.uint8:
        raise ValueError(f"images must be uint8, received {images.dtype}")
    if images.ndim != 4 or images.shape[1:] != IMAGE_SHAPE or len(images) < 1:
        raise ValueError(f"images must have the shape [n >= 1, 224, 224, 3], received {list(images.shape)}")
    if not images.flags.c_contiguous:
        raise ValueError("images must be contiguous")


def join_rows(rows: Sequence[Mapping[str, NDArray[np.float32]]]) -> dict[str, NDArray[np.float32]]:
    """Joins the outputs of single images, f32[1, ...] each, to those of the batch, f32[n, ...].

    Raises:
        ImplausibleOutput: An output is not float32, not of one image, or not finite.
    """
    for name, values in (item for row in rows for item in row.items()):
        if values.dtype != np.float32 or values.ndim < 1 or len(values) != 1:
            raise ImplausibleOutput(f"Output {name} is {values.dtype}{list(values.shape)}, not float32 of one image.")
        if not np.isfinite(values).all():
            raise ImplausibleOutput(f"Output {name} is not finite.")
    if len(rows) == 1:
        return dict(rows[0])
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def fastest_precision(version: StoredVersion, runtime: RuntimeName) -> Precision:
    """bf16 where the processor computes it and the version's manifest validated it, else f32."""
    if runtime == "openvino" and version.manifest.validated(runtime, "bf16"):
        from model_store.runtime_openvino import computes_bf16  # noqa: PLC0415

        if computes_bf16():
            return "bf16"
    return "f32"
