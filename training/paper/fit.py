"""How a candidate's network learns: Adagrad, a learning rate that follows the validation loss, an early stop."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tqdm import tqdm

from training.augment import turn
from training.paper.candidates import Candidate
from training.paper.data import malignant
from training.paper.experiment import Experiment
from training.paper.network import HEAD, build, resized, side_of
from training.paper.recipe import PaperRecipe
from training.paper.stopwatch import Stopwatch
from training.table import Table

LEARNED = "learned.weights.h5"

Floats = NDArray[np.float32]


def train(experiment: Experiment, candidate: Candidate, watch: Stopwatch) -> keras.Model:
    """Trains a candidate's network, which is no hybrid; what it took is kept after every epoch.

    A run that was killed goes on where its last epoch ended; the early stop and the learning rate's patience then count
    from there.

    Raises:
        FileNotFoundError: It joins bases that have not learned alone yet.
    """
    network = build(candidate, experiment.recipe, experiment.weights)
    if candidate.kind == "scratch":
        _fit_whole(network, experiment, candidate, watch, "history.csv")
        return network
    if candidate.kind == "joined":
        for base, member in zip(candidate.bases, candidate.members, strict=True):
            alone = _member(experiment, member)
            network.get_layer(base).set_weights(alone.get_layer(base).get_weights())
    _fit_top(network, experiment, candidate)
    watch.keep()
    if candidate.kind == "fine-tuned":
        _fit_whole(network, experiment, candidate, watch, "history-end-to-end.csv")
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


def learned_and_watched(experiment: Experiment, candidate: Candidate) -> tuple[Floats, Floats]:
    """Features of the training images, as they are (first) and turned, and of the validation images as they are.

    Args:
        experiment: Keeps them for every candidate with the same bases.
        candidate: Its bases; what comes before dropout and the last layer makes the features.

    Returns:
        float32[1 + views, n, f] and float32[m, f]; f is of all bases together.
    """
    parts = [_features_of(experiment, member) for member in candidate.members]
    return np.concatenate([learned for learned, _ in parts], -1), np.concatenate([watched for _, watched in parts], -1)


def _features_of(experiment: Experiment, member: Candidate) -> tuple[Floats, Floats]:
    def make(rows: Any, views: int) -> Floats:
        return features_of(_member(experiment, member), experiment.table, rows, views)

    data, views = experiment.data, experiment.recipe.views
    learned = experiment.features(member.name, "training", lambda: make(data.training, views))
    watched = experiment.features(member.name, "validation", lambda: make(data.validation, 0))
    return learned, watched[0]


def _member(experiment: Experiment, member: Candidate) -> keras.Model:
    """A base with a top of its own, as it is before it is joined."""
    network = build(member, experiment.recipe, experiment.weights)
    if member.kind == "scratch":
        network.load_weights(experiment.place(member) / LEARNED)
    return network


def features_of(network: keras.Model, table: Table, rows: Any, views: int) -> Floats:
    """What a network's last layer is given.

    Args:
        network: Of a candidate.
        table: The images.
        rows: Which of them, int64[n].
        views: How often each is turned.

    Returns:
        float32[1 + views, n, f], the first view unchanged.
    """
    extractor = keras.Model(network.input, network.get_layer(HEAD).input)
    side, found = int(network.input_shape[1]), []
    for view in range(1 + views):
        tf.random.set_seed(view)  # the same turns for every base: their features of a picture are joined
        parts = []
        for start in tqdm(range(0, len(rows), 64), desc=f"{network.name}: features, view {view}", unit="batch"):
            pixels = tf.constant(table.pixels[rows[start : start + 64]])
            shown = turn(pixels, side) if view else resized(tf.cast(pixels, tf.float32), side)
            parts.append(np.asarray(extractor.predict_on_batch(shown)))
        found.append(np.concatenate(parts))
    return np.stack(found)


def _fit_top(network: keras.Model, experiment: Experiment, candidate: Candidate) -> None:
    """The last layer on features that were computed once: the base never changes."""
    recipe, data = experiment.recipe, experiment.data
    learned, watched = learned_and_watched(experiment, candidate)
    answers, truth = _answers(experiment.table, data.training), _answers(experiment.table, data.validation)
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
    file = experiment.place(candidate) / "history.csv"
    file.unlink(missing_ok=True)  # it takes seconds, so it begins anew
    top.fit(
        shown,
        steps_per_epoch=max(1, len(order) // recipe.batch),
        epochs=recipe.epochs,
        validation_data=(watched, truth),
        callbacks=_callbacks(recipe, file),
        verbose=0,
        shuffle=False,
    )


def _fit_whole(network: keras.Model, experiment: Experiment, candidate: Candidate, watch: Stopwatch, name: str) -> None:
    """The whole network on pictures. What it has learned is kept: killed later, it would have its last epoch alone."""
    kept_in = experiment.place(candidate) / LEARNED
    if kept_in.is_file():
        network.load_weights(kept_in)
        return
    recipe, data, table = experiment.recipe, experiment.data, experiment.table
    epochs = recipe.scratch_epochs if candidate.kind == "scratch" else recipe.epochs
    _compile(network, recipe.learning_rate)
    side, folder = side_of(candidate, recipe), experiment.place(candidate)
    state = keras.callbacks.BackupAndRestore(str(folder / f"state-{name}"), delete_checkpoint=False)
    kept = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: watch.keep())
    bar = _Bar(candidate.title, epochs, max(1, len(data.training) // recipe.batch))
    network.fit(
        _pictures(table, data.training, side, recipe, turned=True),
        epochs=epochs,
        validation_data=_pictures(table, data.validation, side, recipe, turned=False),
        callbacks=[state, kept, bar, *_callbacks(recipe, folder / name)],
        verbose=0,
        shuffle=False,
    )
    partial = folder / f"partial-{LEARNED}"
    network.save_weights(partial)
    partial.rename(kept_in)


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


def _pictures(table: Table, rows: Any, side: int, recipe: PaperRecipe, *, turned: bool) -> tf.data.Dataset:
    answers = _answers(table, rows)

    def read(chosen: Any) -> Any:
        return table.pixels[chosen]

    def load(row: tf.Tensor, answer: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        pixels = tf.numpy_function(read, [row], tf.uint8)
        pixels.set_shape((None, *table.pixels.shape[1:]))
        return (turn(pixels, side) if turned else resized(tf.cast(pixels, tf.float32), side)), answer

    shown = tf.data.Dataset.from_tensor_slices((rows, answers))
    if turned:
        shown = shown.shuffle(len(rows), seed=recipe.seed)
    return shown.batch(recipe.batch, drop_remainder=turned).map(load, num_parallel_calls=2).prefetch(2)


def _answers(table: Table, rows: Any) -> Floats:
    return malignant(table, rows).astype(np.float32)[:, None]


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
