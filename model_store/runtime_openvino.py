"""The default runtime: OpenVINO on the CPU, straight from the SavedModel."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from model_store.errors import RefusedVersion, RuntimeUnavailable
from model_store.runtime import IMAGE_SHAPE, Precision, check_images, check_outputs

try:
    import openvino as ov
except ImportError as error:
    raise RuntimeUnavailable("OpenVINO is not installed here; it comes with requirements/service.txt.") from error


class OpenVinoRuntime:
    """A SavedModel compiled for one image at a time."""

    name: Literal["openvino"] = "openvino"
    precision: Precision

    def __init__(self, path: Path, *, precision: Precision = "f32", threads: int = 0) -> None:
        """Loads a SavedModel; see `runtime.load_directory`."""
        self.precision = precision
        core = ov.Core()
        try:
            model = core.read_model(str(path))
            model.reshape([1, *IMAGE_SHAPE])
        except RuntimeError as error:
            raise RefusedVersion("OpenVINO cannot read the SavedModel.") from error
        settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
        if threads:
            settings["INFERENCE_NUM_THREADS"] = threads
        self._compiled: Any = core.compile_model(model, "CPU", settings)

    def run(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """See `runtime.Runtime.run`."""
        check_images(images)
        request = self._compiled.create_infer_request()
        rows: list[dict[str, NDArray[np.float32]]] = []
        for image in images:
            result = request.infer({"image": image[np.newaxis]})
            rows.append({output.get_any_name(): np.array(values) for output, values in result.items()})
        outputs = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
        check_outputs(outputs, len(images))
        return outputs


def computes_bf16() -> bool:
    """Whether this processor computes in bfloat16."""
    return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
