"""BentoML with its adaptive batching, and the SavedModel run by TensorFlow behind it.

As BentoML's documentation has it: a service with a batchable API holds the model, and the service that takes the
requests depends on it. Started by `bentoml serve bentoml_tf:Front`; BENCH_MODEL names the SavedModel's directory.
"""

import os
from typing import Any

import bentoml  # type: ignore[import-not-found]
import numpy as np
from numpy.typing import NDArray
from PIL import Image

MOST_IN_A_BATCH = 8


@bentoml.service(workers=1)
class Model:
    """The model, once; its batches are put together by BentoML."""

    def __init__(self) -> None:
        import tensorflow as tf  # noqa: PLC0415 - the processes that take the requests need none

        self.tf = tf
        self.loaded: Any = tf.saved_model.load(os.environ["BENCH_MODEL"])  # a signature does not keep its model alive
        self.classifier: Any = self.loaded.signatures["serving_default"]
        self.classifier(image=tf.zeros([1, 224, 224, 3], tf.uint8))

    @bentoml.api(batchable=True, max_batch_size=MOST_IN_A_BATCH)  # type: ignore[untyped-decorator]
    def predict(self, images: np.ndarray) -> np.ndarray:
        """f32[n] for uint8[n, 224, 224, 3]."""
        outputs = self.classifier(image=self.tf.constant(images))
        probability: NDArray[np.float32] = outputs["probability"].numpy()
        return probability


@bentoml.service(workers=2)
class Front:
    """Takes the requests and decodes the images."""

    model = bentoml.depends(Model)

    @bentoml.api(route="/classify")  # type: ignore[untyped-decorator]
    def classify(self, file: Image.Image) -> dict[str, float]:
        """The probability of one uploaded image."""
        image = file.convert("RGB").resize((224, 224), Image.Resampling.BILINEAR)
        return {"probability": float(self.model.predict(np.asarray(image)[np.newaxis])[0])}
