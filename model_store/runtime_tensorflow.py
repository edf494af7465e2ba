"""The reference runtime: TensorFlow on the CPU. The only file outside training that imports TensorFlow."""

import os
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from model_store.errors import RefusedVersion, RuntimeUnavailable
from model_store.runtime import Precision, check_images, join_rows

# TensorFlow prints what it found of the machine when it is imported; 2 leaves its errors.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

try:
    import tensorflow as tf
except ImportError as error:
    raise RuntimeUnavailable("TensorFlow is not installed here; it comes with requirements/training.txt.") from error


class TensorFlowRuntime:
    """A SavedModel's `serving_default`, run one image at a time so that a batch cannot change an answer."""

    name: Literal["tensorflow"] = "tensorflow"
    precision: Precision = "f32"
    crowded: Literal[False] = False

    def __init__(self, path: Path, *, precision: Precision = "f32", threads: int = 0) -> None:
        """Loads a SavedModel; see `runtime.load_directory`.

        `threads` is TensorFlow's own setting for the whole process, so it holds only if it comes before its first use.
        """
        if precision != "f32":
            raise RuntimeUnavailable(f"TensorFlow runs a version in f32 only, not in {precision}.")
        if threads:
            _limit_threads(threads)
        with tf.device("/CPU:0"):
            try:
                self._model: Any = tf.saved_model.load(str(path))
                self._signature: Any = self._model.signatures["serving_default"]
            except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
                raise RefusedVersion("TensorFlow cannot read the SavedModel.") from error

    def run(self, images: NDArray[np.uint8], *, together: int = 1) -> dict[str, NDArray[np.float32]]:
        """See `runtime.Runtime.run`."""
        check_images(images)
        with tf.device("/CPU:0"):
            rows = [self._signature(image=tf.constant(image[np.newaxis])) for image in images]
        return join_rows([{name: values.numpy() for name, values in row.items()} for row in rows])

    def expect_crowds(self) -> None:
        """TensorFlow is ready."""

    def keep_compiled(self) -> None:
        """TensorFlow compiles nothing ahead."""


def _limit_threads(threads: int) -> None:
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError as error:
        raise RuntimeUnavailable("TensorFlow is in use already; its threads can only be set before.") from error
