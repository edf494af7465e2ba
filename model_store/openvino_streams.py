"""A SavedModel compiled by OpenVINO for one image at a time, and the requests that run it side by side.

Every image of a batch is a request of its own, spread over parallel streams. So a batch cannot change an answer: there
is no batch in the computation. Other kernels are chosen for other shapes, and the last bits of an answer depend on them
(a model compiled for any batch size differs from one compiled for one image).
"""

import io
import queue
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model_store.errors import RefusedVersion, RuntimeUnavailable
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

    def made_for(self) -> str:
        """All that a compiled model depends on beside the model: this plan, OpenVINO, and the processor."""
        device = [str(core().get_property("CPU", name)) for name in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")]
        precision = "bf16 but for its ends" if self.precision == "bf16" else self.precision
        return " ".join([precision, f"{self.count}x{self.threads}", ov.get_version(), *device, *processor_flags()])

    def settings(self) -> dict[str, object]:
        """For OpenVINO."""
        return {
            "INFERENCE_PRECISION_HINT": self.precision,  # never left out: OpenVINO takes bf16 by itself where it can
            "NUM_STREAMS": self.count,
            "INFERENCE_NUM_THREADS": self.count * self.threads,
            # Pinned, each version and each process would take the same first cores and leave the others idle.
            "ENABLE_CPU_PINNING": False,
        }


class Streams:
    """A model compiled for so many images at once, with so many threads for each. Safe to use from many threads."""

    def __init__(self, compiled: ov.CompiledModel, plan: Plan) -> None:
        """From `compile_model` or `import_model`, with the same plan."""
        self.count, self.threads = plan.count, plan.threads
        self._compiled = compiled
        self._outputs = {name: i for i, output in enumerate(self._compiled.outputs) for name in output.get_names()}
        self._idle: queue.SimpleQueue[ov.InferRequest] = queue.SimpleQueue()
        for _ in range(plan.count):
            self._idle.put(self._compiled.create_infer_request())

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
            requests = [self._compiled.create_infer_request() for _ in requests]
            raise
        finally:
            for request in requests:
                self._idle.put(request)

    def export(self) -> memoryview:
        """The compiled model, for `import_model`."""
        exported = io.BytesIO()
        self._compiled.export_model(exported)
        return exported.getbuffer()

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
        RefusedVersion: It cannot be read, or does not take one uint8[n, 224, 224, 3] named "image".
    """
    try:
        model = core().read_model(str(path))
        names = [name for tensor in model.inputs for name in tensor.get_names()]
        if names != ["image"] or model.input().get_element_type() != ov.Type.u8:
            raise RefusedVersion("The SavedModel does not take exactly one input, the uint8 'image'.")
        model.reshape([1, *IMAGE_SHAPE])
    except RuntimeError as error:
        raise RefusedVersion("OpenVINO cannot read the SavedModel.") from error
    return model


@cache
def core() -> ov.Core:
    """One for all versions: each would load the CPU plugin again."""
    return ov.Core()


def compile_model(model: ov.Model, plan: Plan) -> ov.CompiledModel:
    """Compiles what `read` read.

    Raises:
        RefusedVersion: OpenVINO cannot compile it.
        RuntimeUnavailable: The processor does not run the precision.
    """
    try:
        compiled = core().compile_model(model, "CPU", plan.settings())
    except RuntimeError as error:
        raise RefusedVersion("OpenVINO cannot compile the SavedModel.") from error
    runs = _precision(compiled)
    if runs != plan.precision:
        raise RuntimeUnavailable(f"OpenVINO runs the model in {runs} on this processor, not in {plan.precision}.")
    return compiled


def import_model(exported: bytes, plan: Plan) -> ov.CompiledModel | None:
    """What `Streams.export` gave, compiled for the same plan; None if OpenVINO does not take it."""
    try:
        compiled = core().import_model(exported, "CPU", plan.settings())
    except RuntimeError:
        return None
    return compiled if _precision(compiled) == plan.precision else None


def _precision(compiled: ov.CompiledModel) -> str:
    return str(compiled.get_property("INFERENCE_PRECISION_HINT").to_string())
