"""The default runtime: OpenVINO on the CPU, straight from the SavedModel.

The model is compiled once and imported for two ways of running it. A lone image is computed by two threads, which
answers it sooner; where images are worked on side by side, each gets one thread, which answers more of them. Measured
on two cores of an AMD EPYC (classifier/4, f32): alone 8.9 ms instead of 12.9; side by side, with decoding, 90 images/s
instead of 68.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from model_store.compiled import CompiledModels
from model_store.errors import RefusedForNow
from model_store.openvino_front import sample_by_convolutions
from model_store.openvino_quiet import ov
from model_store.openvino_streams import (
    Plan,
    Row,
    Streams,
    compile_model,
    core,
    import_all,
    in_memory,
    made_for,
    read,
)
from model_store.processors import available_processors
from model_store.runtime import IMAGE_SHAPE, Precision, check_images, join_rows

THREADS_FOR_ONE = 2
"""Of a lone image; with more of them, a machine of many cores would answer fewer images at once."""

_ONE_AT_A_TIME = threading.Lock()
"""OpenVINO's Python functions set something up when they are first called. Two threads that call one of them for the
first time at once can wait for each other for ever: one sets it up and waits for Python's lock (the GIL), which the
other holds while it waits for that to be set up. Seen on a busy machine, with both stacks."""

MOST_SIDE_BY_SIDE = 4
"""Images that get a thread each. With processors for so many images of two threads, no other way is needed."""

_TRIED = 3
"""Noise images on which both ways of computing must give the same bits."""


class OpenVinoRuntime:
    """A SavedModel compiled for one image; `run` gives each image to the next idle stream."""

    name: Literal["openvino"] = "openvino"
    precision: Precision

    def __init__(
        self, path: Path, *, precision: Precision = "f32", threads: int = 0, compiled: CompiledModels | None = None
    ) -> None:
        """Loads a SavedModel and runs it once; see `runtime.load_directory`.

        Args:
            path: The SavedModel's directory.
            precision: Which precision, exactly.
            threads: For all runs together; 0 takes all processors.
            compiled: What was kept of it by earlier starts; None compiles it anew.
        """
        with _ONE_AT_A_TIME:
            self._load(path, precision, threads, compiled)
            # What `run` calls is called for the first time here; what comes out is nobody's answer.
            self._alone.run(np.zeros((1, *IMAGE_SHAPE), np.uint8))

    def _load(self, path: Path, precision: Precision, threads: int, compiled: CompiledModels | None) -> None:
        self._kept_in, self._to_keep = compiled, False
        self._threads = threads or available_processors()
        self.precision = precision
        # Every stream gets as many threads as the others: how work is split may show in the last bits.
        each = min(THREADS_FOR_ONE, self._threads)
        self._compiled, self._alone = self._made(path, Plan(precision, self._threads // each, each))
        self._side_by_side: Streams | None = None
        self._ready_for_crowds = each == 1 or self._alone.count >= MOST_SIDE_BY_SIDE
        self.crowded = False

    def run(self, images: NDArray[np.uint8], *, together: int = 1) -> dict[str, NDArray[np.float32]]:
        """See `runtime.Runtime.run`."""
        check_images(images)
        streams = self._streams(max(together, len(images)))
        rows: list[Row] = []
        while len(rows) < len(images):
            rows += streams.run(images[len(rows) :])
        return join_rows(rows)

    def expect_crowds(self) -> None:
        """See `runtime.Runtime.expect_crowds`."""
        with _ONE_AT_A_TIME:
            if not self._ready_for_crowds:
                self._ready_for_crowds, self.crowded = True, False
                plan = Plan(self.precision, min(self._threads, MOST_SIDE_BY_SIDE), 1)
                models = import_all(self._compiled, plan)
                side_by_side = None if models is None else Streams(models, plan)
                if side_by_side is not None and _same_bits(self._alone, side_by_side):
                    self._side_by_side = side_by_side

    def keep_compiled(self) -> None:
        """See `runtime.Runtime.keep_compiled`."""
        with _ONE_AT_A_TIME:
            if self._kept_in is not None and self._to_keep:
                self._to_keep = False
                self._kept_in.write(made_for(self.precision), self._compiled.data.data)

    def _made(self, path: Path, plan: Plan) -> tuple[ov.Tensor, Streams]:
        """From what an earlier start kept, else from the SavedModel."""
        kept = None if self._kept_in is None else self._kept_in.read(made_for(plan.precision))
        if kept is not None:
            compiled = in_memory(kept)
            if models := import_all(compiled, plan):
                return compiled, Streams(models, plan)
        compiled, self._to_keep = in_memory(_compiled(path, plan.precision)), True
        models = import_all(compiled, plan)
        if models is None:
            raise RefusedForNow("OpenVINO does not take what it compiled of the SavedModel.")
        return compiled, Streams(models, plan)

    def _streams(self, together: int) -> Streams:
        if together <= self._alone.count:
            return self._alone
        self.crowded = not self._ready_for_crowds
        return self._side_by_side or self._alone


def _compiled(path: Path, precision: Precision) -> memoryview:
    model = read(path)
    sample_by_convolutions(model)
    return compile_model(_with_precise_ends(model) if precision == "bf16" else model, precision)


def _with_precise_ends(model: ov.Model) -> ov.Model:
    from model_store.openvino_precise import keep_ends_precise  # noqa: PLC0415 - imports that most starts need not

    try:
        return keep_ends_precise(core(), model)
    except OSError as error:
        raise RefusedForNow("It cannot be prepared for bf16: there is no room for temporary files.") from error
    except RuntimeError as error:  # also where that room was used up while OpenVINO wrote there
        raise RefusedForNow("OpenVINO cannot prepare it for bf16.") from error


def computes_bf16() -> bool:
    """Whether this processor computes in bfloat16."""
    return "BF16" in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def _same_bits(one: Streams, other: Streams) -> bool:
    """Whether both say the same of pictures of noise, which reach every kernel, to the last bit of every output.

    Who asks at the same time must not change an answer. If a processor's kernels for one thread add up in another order
    than those for two, only the latter are used.
    """
    noise = np.random.default_rng(0).integers(0, 256, (_TRIED, 1, *IMAGE_SHAPE), np.uint8)
    rows = [(one.run(image)[0], other.run(image)[0]) for image in noise]
    return all(np.array_equal(first[name], second[name]) for first, second in rows for name in first)
