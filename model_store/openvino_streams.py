"""A SavedModel compiled by OpenVINO for one image at a time, and the requests that run it side by side.

Every image of a batch is a request of its own, spread over parallel streams. So a batch cannot change an answer: there
is no batch in the computation. Other kernels are chosen for other shapes, and the last bits of an answer depend on them
(a model compiled for any batch size differs from one compiled for one image).
"""

import io
import queue
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model_store.errors import RefusedForNow, RefusedVersion, RuntimeUnavailable
from model_store.openvino_quiet import ov
from model_store.processors import processor_flags
from model_store.runtime import IMAGE_SHAPE, Precision

Row = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Plan:
    """What a model is compiled for."""

    precision: Precision
    count: int
    """How many images at once."""
    threads: int
    """For each of them."""

    @property
    def models(self) -> int:
        """How many compiled models that takes.

        Where each image has one thread, a model for each: OpenVINO computes in the thread that asks only if it is the
        only stream of its model; among several it hands the work to a thread of its own and waits for it. On two cores
        that left 5 to 10 % of their time idle.
        """
        return self.count if self.threads == 1 else 1

    def settings(self) -> dict[str, object]:
        """For OpenVINO."""
        return {
            "INFERENCE_PRECISION_HINT": self.precision,  # never left out: OpenVINO takes bf16 by itself where it can
            "NUM_STREAMS": self.count // self.models,
            "INFERENCE_NUM_THREADS": self.count // self.models * self.threads,
            # Pinned, each version and each process would take the same first cores and leave the others idle.
            "ENABLE_CPU_PINNING": False,
        }


class Streams:
    """A model compiled for so many images at once, with so many threads for each. Safe to use from many threads."""

    def __init__(self, models: Sequence[ov.CompiledModel], plan: Plan) -> None:
        """From `import_all`, with the same plan."""
        self.count, self.threads = plan.count, plan.threads
        self._models = models
        self._outputs = {name: i for i, output in enumerate(models[0].outputs) for name in output.get_names()}
        self._idle: queue.SimpleQueue[ov.InferRequest] = queue.SimpleQueue()
        for model in models:
            for _ in range(plan.count // plan.models):
                self._idle.put(model.create_infer_request())

    def run(self, images: NDArray[np.uint8]) -> list[Row]:
        """Runs the first images, as many as there are idle streams, at least one.

        Args:
            images: uint8[n, 224, 224, 3].
        """
        requests = self._take(len(images))
        try:
            if len(requests) == 1:
                np.copyto(requests[0].get_input_tensor().data, images[:1])
                requests[0].infer(share_outputs=True)  # sooner than to start it and then to wait
            else:
                for request, image in zip(requests, images, strict=False):
                    request.start_async({0: image[np.newaxis]})
                for request in requests:
                    request.wait()
            return [self._copy(request) for request in requests]
        except BaseException:
            # These may still be running: whoever took one next could read another patient's answer.
            requests = [request.get_compiled_model().create_infer_request() for request in requests]
            raise
        finally:
            for request in requests:
                self._idle.put(request)

    def _take(self, most: int) -> list[ov.InferRequest]:
        taken = [self._idle.get()]
        while len(taken) < min(most, self.count):
            try:
                taken.append(self._idle.get_nowait())
            except queue.Empty:
                break
        return taken

    def _copy(self, request: ov.InferRequest) -> Row:
        # The request's memory is written again by its next run, which may be of another patient's image.
        return {name: np.array(request.get_output_tensor(index).data) for name, index in self._outputs.items()}


def read(path: Path) -> ov.Model:
    """The model with its batch fixed to one image.

    Raises:
        RefusedVersion: It does not take one uint8[n, 224, 224, 3] named "image".
        RefusedForNow: It cannot be read.
    """
    try:
        model = core().read_model(str(path))
        names = [name for tensor in model.inputs for name in tensor.get_names()]
        if names != ["image"] or model.input().get_element_type() != ov.Type.u8:
            raise RefusedVersion("The SavedModel does not take exactly one input, the uint8 'image'.")
        model.reshape([1, *IMAGE_SHAPE])
    except RuntimeError as error:  # also where a file cannot be opened, which OpenVINO does not tell apart
        raise RefusedForNow("OpenVINO cannot read the SavedModel.") from error
    return model


@cache
def core() -> ov.Core:
    """One for all versions: each would load the CPU plugin again."""
    return ov.Core()


def made_for(precision: Precision) -> str:
    """All that a compiled model depends on beside the model: precision, what is rewritten, OpenVINO, the processor.

    Not the plan: that is for whoever imports it.
    """
    device = [str(core().get_property("CPU", name)) for name in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")]
    graph = "front as convolutions" + (", float32 at its ends" if precision == "bf16" else "")
    return " ".join([precision, graph, ov.get_version(), *device, *processor_flags()])


def compile_model(model: ov.Model, precision: Precision) -> memoryview:
    """Compiles what `read` read, for `in_memory`.

    Raises:
        RefusedForNow: OpenVINO cannot compile it; it does not tell whether it lacks memory.
        RuntimeUnavailable: The processor does not run the precision.
    """
    try:
        compiled = core().compile_model(model, "CPU", Plan(precision, 1, 1).settings())
    except RuntimeError as error:
        raise RefusedForNow("OpenVINO cannot compile the SavedModel.") from error
    runs = _precision(compiled)
    if runs != precision:
        raise RuntimeUnavailable(f"OpenVINO runs the model in {runs} on this processor, not in {precision}.")
    exported = io.BytesIO()
    compiled.export_model(exported)
    return exported.getbuffer()


def in_memory(compiled: bytes | memoryview) -> ov.Tensor:
    """A copy of a compiled model, in memory that all that is imported from it share: the weights are there once.

    The memory is OpenVINO's own. It does not keep an array of Python's alive, and would read what is no longer there.
    """
    return ov.Tensor(np.frombuffer(compiled, np.uint8), shared_memory=False)


def import_all(compiled: ov.Tensor, plan: Plan) -> list[ov.CompiledModel] | None:
    """The models of a plan; None if OpenVINO does not take what was compiled.

    Args:
        compiled: From `in_memory`, of the plan's precision.
        plan: What for.
    """
    try:
        models = [core().import_model(compiled, "CPU", plan.settings()) for _ in range(plan.models)]
    except RuntimeError:
        return None
    return models if _precision(models[0]) == plan.precision else None


def _precision(compiled: ov.CompiledModel) -> str:
    return str(compiled.get_property("INFERENCE_PRECISION_HINT").to_string())
