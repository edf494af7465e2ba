"""What most people write by hand: FastAPI, and the SavedModel run by TensorFlow in the same process.

As FastAPI's documentation has it: the model is loaded in the lifespan, the endpoint is a plain function, which FastAPI
runs in a thread, and Pillow and TensorFlow both leave the interpreter lock while they compute, so one process keeps
every core busy and holds the model once.
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import numpy as np
import tensorflow as tf
import uvicorn
from fastapi import FastAPI, File, UploadFile
from PIL import Image

models: dict[str, Any] = {}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Loads the model before the first request is taken, and runs it once, for TensorFlow builds its graph then."""
    loaded = tf.saved_model.load(app.state.model)
    models["loaded"] = loaded  # a signature does not keep its model alive
    models["classifier"] = loaded.signatures["serving_default"]
    models["classifier"](image=tf.zeros([1, 224, 224, 3], tf.uint8))
    yield


app = FastAPI(lifespan=lifespan)


@app.post("/classify")
def classify(file: Annotated[UploadFile, File()]) -> dict[str, float]:
    """The probability of one uploaded image."""
    image = Image.open(file.file).convert("RGB").resize((224, 224), Image.Resampling.BILINEAR)
    outputs = models["classifier"](image=tf.constant(np.asarray(image)[np.newaxis]))
    return {"probability": float(outputs["probability"][0])}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="directory of the SavedModel")
    parser.add_argument("--port", type=int, required=True, help="where to listen on 127.0.0.1")
    options = parser.parse_args()
    app.state.model = options.model
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning")
