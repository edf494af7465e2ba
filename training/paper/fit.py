"""How a candidate's network learns: Adagrad, a learning rate that follows the validation loss, an early stop."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tqdm import tqdm

from training.augment import augment
from training.paper.candidates import Candidate
from training.paper.data import PaperData, malignant
from training.paper.network import HEAD, build, resized, side_of
from training.paper.recipe import PaperRecipe
from training.table import Table

Floats = NDArray[np.float32]


def train(  # noqa: PLR0913, PLR0917 - all that decides a training
    candidate: Candidate, recipe: PaperRecipe, weights: str, table: Table, data: PaperData, folder: Path
) -> keras.Model:
    """Trains a candidate's network; a run that was killed goes on where its last epoch ended.

    Args:
        candidate: Which: `frozen`, `fine-tuned` or `scratch`.
        recipe: How.
        weights: A folder of weights, or "imagenet".
        table: The images.
        data: Which of them.
        folder: For history, features and the state of the run.
    """
    network = build(candidate, recipe, weights)
    if candidate.kind == "scratch":
        _fit_whole(network, candidate, recipe, table, data, folder, "history.csv")
        return network
    _fit_top(network, candidate, recipe, table, data, folder)
    if candidate.kind == "fine-tuned":
        _fit_whole(network, candidate, recipe, table, data, folder, "history-end-to-end.csv")
    return network


def history(folder: Path) -> dict[str, list[float]]:
    """Loss and accuracy by epoch, of training and validation, from the files that `train` left."""
    found: dict[str, list[float]] = {}
    for file in (folder / "history.csv", folder / "history-end-to-end.csv"):
        if file.is_file():
            with file.open(newline="", encoding="utf-8") as opened:
                for row in csv.DictReader(opened):
                    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
                        found.setdefault(name, []).append(float(row[name]))
    return found


def features(candidate: Candidate, network: keras.Model, table: Table, rows: Any, views: int) -> Floats:
    """Features of each image as it is (first) and augmented, before dropout and the last layer.

    Returns:
        float32[1 + views, len(rows), f].
    """
    extractor = keras.Model(network.input, network.get_layer(HEAD).input)
    side, found = int(network.input_shape[1]), []
    for view in tqdm(range(1 + views), desc=f"{candidate.title}: features", unit="view"):
        parts = []
        for start in range(0, len(rows), 64):
            pixels = tf.constant(table.pixels[rows[start : start + 64]])
            shown = augment(pixels, side) if view else resized(tf.cast(pixels, tf.float32), side)
            parts.append(np.asarray(extractor.predict_on_batch(shown)))
        found.append(np.concatenate(parts))
    return np.stack(found)


def _fit_top(  # noqa: PLR0913, PLR0917
    network: keras.Model, candidate: Candidate, recipe: PaperRecipe, table: Table, data: PaperData, folder: Path
) -> None:
    """The last layer on features that were computed once: the base never changes."""
    learned = _cached(folder / "training.npy", lambda: features(candidate, network, table, data.training, recipe.views))
    watched = _cached(folder / "validation.npy", lambda: features(candidate, network, table, data.validation, 0))
    answers, truth = _answers(table, data.training), _answers(table, data.validation)
    inputs = keras.Input((learned.shape[-1],))
    dropped = keras.layers.Dropout(recipe.dropout, seed=recipe.seed)(inputs)
    top = keras.Model(inputs, network.get_layer(HEAD)(dropped))
    _compile(top, recipe.learning_rate)
    random = np.random.default_rng(recipe.seed)
    order = np.arange(len(answers))

    def batches() -> Any:
        while True:
            view = random.integers(0, len(learned), len(answers))
            shuffled = random.permutation(order)
            for start in range(0, len(order) - recipe.batch + 1, recipe.batch):
                chosen = shuffled[start : start + recipe.batch]
                yield learned[view[chosen], chosen], answers[chosen]

    spec = (tf.TensorSpec((None, learned.shape[-1]), tf.float32), tf.TensorSpec((None, 1), tf.float32))
    shown = tf.data.Dataset.from_generator(batches, output_signature=spec)
    steps = max(1, len(order) // recipe.batch)
    callbacks = _callbacks(recipe, folder / "history.csv")
    top.fit(
        shown, steps_per_epoch=steps, epochs=recipe.epochs, validation_data=(watched[0], truth), callbacks=callbacks,
        verbose=0, shuffle=False,
    )  # fmt: skip


def _fit_whole(  # noqa: PLR0913, PLR0917
    network: keras.Model,
    candidate: Candidate,
    recipe: PaperRecipe,
    table: Table,
    data: PaperData,
    folder: Path,
    name: str,
) -> None:
    scratch = candidate.kind == "scratch"
    epochs = recipe.scratch_epochs if scratch else recipe.fine_tuned_epochs
    _compile(network, recipe.learning_rate if scratch else recipe.fine_tuned_learning_rate)
    side = side_of(candidate, recipe)
    shown = _pictures(table, data.training, side, recipe, augmented=True)
    watched = _pictures(table, data.validation, side, recipe, augmented=False)
    state = keras.callbacks.BackupAndRestore(str(folder / f"state-{name}"), delete_checkpoint=False)
    bar = _Bar(candidate.title, epochs, max(1, len(data.training) // recipe.batch))
    network.fit(
        shown, epochs=epochs, validation_data=watched, callbacks=[state, bar, *_callbacks(recipe, folder / name)],
        verbose=0, shuffle=False,
    )  # fmt: skip


def _compile(network: keras.Model, learning_rate: float) -> None:
    network.compile(
        keras.optimizers.Adagrad(learning_rate),
        keras.losses.BinaryCrossentropy(from_logits=True),
        # A logit of 0 is a probability of one half.
        metrics=[keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)],
    )


def _callbacks(recipe: PaperRecipe, file: Path) -> list[keras.callbacks.Callback]:
    return [
        keras.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.5, patience=recipe.patience),
        keras.callbacks.EarlyStopping(monitor="val_loss", patience=2 * recipe.patience, restore_best_weights=True),
        keras.callbacks.CSVLogger(str(file), append=True),
    ]


def _pictures(table: Table, rows: Any, side: int, recipe: PaperRecipe, *, augmented: bool) -> tf.data.Dataset:
    answers = _answers(table, rows)

    def read(chosen: Any) -> Any:
        return table.pixels[chosen]

    def load(row: tf.Tensor, answer: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        pixels = tf.numpy_function(read, [row], tf.uint8)
        pixels.set_shape((None, *table.pixels.shape[1:]))
        return (augment(pixels, side) if augmented else resized(tf.cast(pixels, tf.float32), side)), answer

    shown = tf.data.Dataset.from_tensor_slices((rows, answers))
    if augmented:
        shown = shown.shuffle(len(rows), seed=recipe.seed)
    return shown.batch(recipe.batch, drop_remainder=augmented).map(load, num_parallel_calls=2).prefetch(2)


def _answers(table: Table, rows: Any) -> Floats:
    return malignant(table, rows).astype(np.float32)[:, None]


def _cached(file: Path, make: Callable[[], Floats]) -> Floats:
    if not file.is_file():
        partial = file.with_suffix(".partial.npy")
        np.save(partial, make())
        partial.rename(file)
    loaded: Floats = np.load(file)
    return loaded


class _Bar(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """A progress bar, as everywhere else here."""

    def __init__(self, title: str, epochs: int, steps: int) -> None:
        super().__init__()
        self._title, self._epochs, self._steps = title, epochs, steps
        self._bar: Any = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Begins a bar."""
        self._bar = tqdm(total=self._steps, desc=f"{self._title}: epoch {epoch + 1}/{self._epochs}", unit="batch")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Moves it on."""
        self._bar.update(1)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Ends it with what was reached."""
        self._bar.set_postfix({name: f"{value:.3f}" for name, value in (logs or {}).items()})
        self._bar.close()


def remember(folder: Path, described: dict[str, Any]) -> bool:
    """Writes what a candidate is made with; False if the folder holds one that was made with something else."""
    file, text = folder / "recipe.json", json.dumps(described, indent=2, sort_keys=True) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    if file.is_file() and file.read_text("utf-8") != text:
        return False
    file.write_text(text, "utf-8")
    return True
