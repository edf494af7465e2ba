"""Learns in one of several processes, or alone: `python -m tests.training.worker_process DATA CACHE FOLDER RESULT`.

Without dropout and without chance in the pictures, so that what the processes learned together can be compared with
what one learns alone.
"""

import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from training import fit
from training.fit import Recipe, Trainer
from training.front import Front
from training.sources import read_sources
from training.splits import split
from training.table import build_table
from training.workers import Workers, join

RECIPE = Recipe(phases=((32, 2),), epoch_size=48, batch=16, warmup_steps=2, paired_epochs=1, weight_average=0.5, seed=3)


def _network(workers: Workers) -> keras.Model:
    # What the chief starts with is what counts.
    keras.utils.set_random_seed(10 + workers.index)
    image = keras.Input((None, None, 3))
    features = keras.layers.Conv2D(8, 5, 4, activation="relu")(Front(name="front")(image))
    pooled = keras.layers.GlobalAveragePooling2D()(features)
    return keras.Model(image, keras.layers.Dense(7, name="head")(pooled))


def main(data: str, cache: str, folder: str, result: str) -> None:
    """Trains and writes the weights."""
    workers = join()
    setattr(fit, "augment", lambda images, side: tf.cast(images[:, :side, :side], tf.float32))  # noqa: B010
    setattr(fit, "degrade", lambda images: images * 0.9)  # noqa: B010
    table = workers.chief_first(lambda: build_table(read_sources(Path(data)), Path(cache)))
    recipe = replace(RECIPE, degraded_share=0.0)
    trainer = Trainer(_network(workers), recipe, table, split(table), Path(folder), workers=workers)
    epochs: list[int] = []
    trainer.fit(lambda epoch, _loss: epochs.append(epoch))
    np.savez(result, *[np.asarray(value) for value in trainer.network.get_weights()], epochs=np.array(epochs))


if __name__ == "__main__":
    main(*sys.argv[1:])
