"""LitServe with its own batching, and the SavedModel run by TensorFlow in its inference worker.

As LitServe's documentation has it: `decode_request`, `batch`, `predict`, `unbatch` and `encode_response` of a `LitAPI`;
requests that come within the batch timeout are run together.
"""

import argparse
from typing import Any

import litserve as ls  # type: ignore[import-not-found]
import numpy as np
from fastapi import Request
from numpy.typing import NDArray
from PIL import Image

MOST_IN_A_BATCH = 8
BATCH_TIMEOUT = 0.005


class Classifier(ls.LitAPI):  # type: ignore[misc]
    """One image in, its probability out."""

    def __init__(self, model: str) -> None:
        super().__init__(max_batch_size=MOST_IN_A_BATCH, batch_timeout=BATCH_TIMEOUT, api_path="/classify")
        self.model = model

    def setup(self, device: str) -> None:
        """Loads the model, in the worker process, and runs it once, for TensorFlow builds its graph then."""
        import tensorflow as tf  # noqa: PLC0415 - the process that takes the requests needs none

        self.tf = tf
        self.loaded: Any = tf.saved_model.load(self.model)  # a signature does not keep its model alive
        self.classifier: Any = self.loaded.signatures["serving_default"]
        self.classifier(image=tf.zeros([1, 224, 224, 3], tf.uint8))

    def decode_request(self, request: Request) -> NDArray[np.uint8]:
        """The pixels of the form's file. The annotation says what LitServe reads; what comes is the form."""
        image = Image.open(request["file"].file).convert("RGB").resize((224, 224), Image.Resampling.BILINEAR)
        return np.asarray(image)

    def batch(self, inputs: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
        """uint8[n, 224, 224, 3]."""
        return np.stack(inputs)

    def predict(self, x: NDArray[np.uint8]) -> NDArray[np.float32]:
        """f32[n]."""
        outputs = self.classifier(image=self.tf.constant(x))
        probability: NDArray[np.float32] = outputs["probability"].numpy()
        return probability

    def unbatch(self, output: NDArray[np.float32]) -> list[float]:
        """One of them for each image."""
        return [float(probability) for probability in output]

    def encode_response(self, output: float) -> dict[str, float]:
        """The answer."""
        return {"probability": output}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="directory of the SavedModel")
    parser.add_argument("--port", type=int, required=True, help="where to listen on 127.0.0.1")
    parser.add_argument("--workers", type=int, default=2, help="inference workers; each loads the model (default 2)")
    options = parser.parse_args()
    server = ls.LitServer(Classifier(options.model), accelerator="cpu", workers_per_device=options.workers)
    server.run(host="127.0.0.1", port=options.port, log_level="warning", generate_client_file=False)
