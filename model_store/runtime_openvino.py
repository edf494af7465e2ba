"""The default runtime: OpenVINO on the CPU, straight from the SavedModel.

The model is compiled for one image, and every image of a batch is a request of its own, spread over parallel streams.
So a batch cannot change an answer: there is no batch in the computation. Other kernels are chosen for other shapes, and
the last bits of an answer depend on them (a model compiled for any batch size differs from one compiled for one image).
Measured for MobileNetV2 on two cores (AVX512-BF16), eight images at a time: bf16 441 images/s, 434 compiled for any
batch size; f32 about 200, 213 compiled for any batch size.
"""

import queue
import sys
import threading
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from model_store.errors import RefusedVersion, RuntimeUnavailable
from model_store.processors import available_processors
from model_store.runtime import IMAGE_SHAPE, Precision, check_images, join_rows

# `import openvino` alone reports itself to Google Analytics and writes an identifier into the home directory, without
# asking (openvino/tools/ovc/__init__.py sends "general_import"). It does without when this package cannot be imported.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

try:
    import openvino as ov
except ImportError as error:
    raise RuntimeUnavailable("OpenVINO is not installed here; it comes with requirements/service.txt.") from error

THREADS_PER_STREAM = 2
"""Answers a lone image fast (MobileNetV2: bf16 in 2.2 ms instead of 4.4 with one thread, f32 in 4.8 instead of 7.8);
with more of them in a stream, a machine of many cores would answer fewer images at once."""


_ONE_AT_A_TIME = threading.Lock()
"""OpenVINO's Python functions set something up when they are first called. Two threads that call one of them for the
first time at once can wait for each other for ever: one sets it up and waits for Python's lock (the GIL), which the
other holds while it waits for that to be set up. Seen on a busy machine, with both stacks."""


class OpenVinoRuntime:
    """A SavedModel compiled for one image; `run` gives each image to the next idle stream."""

    name: Literal["openvino"] = "openvino"
    precision: Precision

    def __init__(self, path: Path, *, precision: Precision = "f32", threads: int = 0) -> None:
        """Loads a SavedModel and runs it once; see `runtime.load_directory`."""
        with _ONE_AT_A_TIME:
            self._load(path, precision, threads)
            # What `run` calls is called for the first time here; what comes out is nobody's answer.
            self._run_some(np.zeros((1, *IMAGE_SHAPE), np.uint8))

    def _load(self, path: Path, precision: Precision, threads: int) -> None:
        self._compiled = _compile(_read(path), precision, threads or available_processors())
        self.precision = precision
        self._outputs = {name: i for i, output in enumerate(self._compiled.outputs) for name in output.get_names()}
        self._streams = int(self._compiled.get_property("NUM_STREAMS"))
        self._idle: queue.SimpleQueue[ov.InferRequest] = queue.SimpleQueue()
        for _ in range(self._streams):
            self._idle.put(self._compiled.create_infer_request())

    def run(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """See `runtime.Runtime.run`."""
        check_images(images)
        rows: list[dict[str, NDArray[np.float32]]] = []
        while len(rows) < len(images):
            rows += self._run_some(images[len(rows) :])
        return join_rows(rows)

    def _run_some(self, images: NDArray[np.uint8]) -> list[dict[str, NDArray[np.float32]]]:
        """Runs the first images, as many as there are idle streams, at least one."""
        requests = self._take(len(images))
        try:
            for request, image in zip(requests, images, strict=False):
                request.start_async({0: image[np.newaxis]})
            for request in requests:
                request.wait()
            return [self._copy(request) for request in requests]
        except BaseException:
            # These may still be running: whoever took one next could read another patient's answer.
            requests = [self._compiled.create_infer_request() for _ in requests]
            raise
        finally:
            for request in requests:
                self._idle.put(request)

    def _take(self, most: int) -> list[ov.InferRequest]:
        taken = [self._idle.get()]
        while len(taken) < min(most, self._streams):
            try:
                taken.append(self._idle.get_nowait())
            except queue.Empty:
                break
        return taken

    def _copy(self, request: ov.InferRequest) -> dict[str, NDArray[np.float32]]:
        # The request's memory is written again by its next run, which may be of another patient's image.
        return {name: np.array(request.get_output_tensor(index).data) for name, index in self._outputs.items()}


def computes_bf16() -> bool:
    """Whether this processor computes in bfloat16."""
    return "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@cache
def _core() -> ov.Core:
    # One for all versions: each would load the CPU plugin again.
    return ov.Core()


def _read(path: Path) -> ov.Model:
    """The model with its batch fixed to one image.

    Raises:
        RefusedVersion: It cannot be read, or does not take one uint8[n, 224, 224, 3] named "image".
    """
    try:
        model = _core().read_model(str(path))
        names = [name for tensor in model.inputs for name in tensor.get_names()]
        if names != ["image"] or model.input().get_element_type() != ov.Type.u8:
            raise RefusedVersion("The SavedModel does not take exactly one input, the uint8 'image'.")
        model.reshape([1, *IMAGE_SHAPE])
    except RuntimeError as error:
        raise RefusedVersion("OpenVINO cannot read the SavedModel.") from error
    return model


def _compile(model: ov.Model, precision: Precision, threads: int) -> ov.CompiledModel:
    streams = max(1, threads // THREADS_PER_STREAM)
    settings = {
        "INFERENCE_PRECISION_HINT": precision,  # never left out: OpenVINO takes bf16 by itself where it can
        "NUM_STREAMS": streams,
        # Every stream gets as many threads as the others: how work is split may show in the last bits.
        "INFERENCE_NUM_THREADS": threads // streams * streams,
        # Pinned, each version and each process would take the same first cores and leave the others idle.
        "ENABLE_CPU_PINNING": False,
    }
    try:
        compiled = _core().compile_model(model, "CPU", settings)
    except RuntimeError as error:
        raise RefusedVersion("OpenVINO cannot compile the SavedModel.") from error
    runs = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
    if runs != precision:
        raise RuntimeUnavailable(f"OpenVINO runs the model in {runs} on this processor, not in {precision}.")
    return compiled
