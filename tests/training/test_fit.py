import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from model_store.manifest import TrainingRecord
from tests.training.built import Data
from training import fit, sampling
from training.fit import Recipe, Trainer
from training.front import Front
from training.labels import DIAGNOSES
from training.network import build_network
from training.workers import Workers

RECIPE = Recipe(
    phases=((32, 1), (48, 1)), epoch_size=16, batch=8, warmup_steps=2, paired_epochs=1, weight_average=0.5, seed=3
)


class Killed(Exception):
    """Stands for the end of the process, right after a checkpoint."""


def _network() -> keras.Model:
    """As `build_network` makes them, but of four layers: a step of the real one takes seconds to trace.

    The real one is trained in `conftest.published`.
    """
    image = keras.Input((None, None, 3))
    normalised = keras.layers.BatchNormalization(name="normalised")
    normalised.trainable = False
    sampled = Front(name="front")(image)
    features = keras.layers.ReLU()(normalised(keras.layers.Conv2D(16, 5, 4)(sampled)))
    pooled = keras.layers.Dropout(0.2)(keras.layers.GlobalAveragePooling2D()(features))
    return keras.Model(image, keras.layers.Dense(7, name="head")(pooled))


def _values(variables: list[Any]) -> list[NDArray[np.float32]]:
    return [np.array(variable.numpy()) for variable in variables]


def _same(first: list[NDArray[np.float32]], second: list[NDArray[np.float32]]) -> bool:
    return all((a == b).all() for a, b in zip(first, second, strict=True))


def _remembering_rows(monkeypatch: pytest.MonkeyPatch) -> dict[int, list[int]]:
    """Which rows each epoch drew, from now on."""
    drawn: dict[int, list[int]] = {}
    original = sampling.epoch_rows

    def remember(*arguments: Any) -> NDArray[np.int64]:
        rows = original(*arguments)
        drawn[arguments[-1]] = rows.tolist()
        return rows

    monkeypatch.setattr(fit, "epoch_rows", remember)
    return drawn


def test_phases_and_pairs_follow_one_another() -> None:
    recipe = Recipe(phases=((160, 2), (224, 3)), paired_epochs=2)
    assert recipe.epochs == 5
    assert [recipe.side(epoch) for epoch in range(5)] == [160, 160, 224, 224, 224]
    assert [recipe.paired(epoch) for epoch in range(5)] == [False, False, False, True, True]
    with pytest.raises(IndexError):
        recipe.side(5)


def test_consistency_grows_along_a_straight_line() -> None:
    recipe = Recipe(phases=((160, 2), (224, 4)), paired_epochs=4, consistency=20.0)
    assert [recipe.consistency_in(epoch) for epoch in range(6)] == [0, 0, 5, 10, 15, 20]
    assert all((recipe.consistency_in(epoch) > 0) == recipe.paired(epoch) for epoch in range(6))
    never = replace(recipe, paired_epochs=0)
    assert [never.consistency_in(epoch) for epoch in range(6)] == [0] * 6
    default = Recipe()
    assert default.consistency_in(default.epochs - 1) == default.consistency


def test_the_recipe_fits_into_a_manifest() -> None:
    described = Recipe().describe()
    record = TrainingRecord.model_validate({"recipe": described, "sources": [], "notes": []})
    assert record.recipe["phases"] == ["224:30"]
    assert record.recipe["sources"] == ["ham10000:0.45", "isic2017:0.2", "melanoma10000:0.35"]
    assert json.loads(json.dumps(described)) == described
    assert set(described) == set(Recipe.__dataclass_fields__)  # nothing that decides a run is left out


def test_batches(data: Data, tmp_path: Path) -> None:
    trainer = Trainer(_network(), RECIPE, data.table, data.split, tmp_path)
    plain = list(trainer.batches(0))
    assert [(images.shape, masks.shape) for images, masks in plain] == [((8, 32, 32, 3), (8, 7))] * 2
    for images, masks in trainer.batches(1):
        assert images.shape == (8, 48, 48, 3)
        first, second = np.split(np.asarray(images), 2)
        assert 0 < np.abs(first - second).mean() < 15
        distance = np.abs(first[:, None] - second[None]).mean(axis=(2, 3, 4))
        assert distance.argmin(axis=1).tolist() == [0, 1, 2, 3]
        assert (np.asarray(masks)[:4] == np.asarray(masks)[4:]).all()


def test_pixels_and_labels_stay_together(data: Data, tmp_path: Path) -> None:
    """Every image a colour of its own: the colour tells the row, the row tells the label."""
    count = len(data.table.images)
    pixels = np.empty((count, 224, 224, 3), np.uint8)
    pixels[..., 0] = (np.arange(count) % 250)[:, None, None]
    pixels[..., 1] = (np.arange(count) // 250)[:, None, None]
    recipe = replace(RECIPE, phases=((32, 1),), epoch_size=64, batch=16, paired_epochs=0, degraded_share=0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "augment", lambda images, side: tf.cast(images[:, :side, :side], tf.float32))
        trainer = Trainer(_network(), recipe, replace(data.table, pixels=pixels), data.split, tmp_path)
        seen = 0
        for images, masks in trainer.batches(0):
            for image, mask in zip(np.asarray(images), np.asarray(masks), strict=True):
                row = int(image[0, 0, 0]) + 250 * int(image[0, 0, 1])
                assert data.split.roles[row] == "training"
                assert mask.tolist() == [diagnosis in data.table.labels[row] for diagnosis in DIAGNOSES]
                seen += 1
        assert seen == 64


@pytest.mark.parametrize("paired_epochs", [0, 2])
def test_a_step_takes_the_sides_of_all_phases(paired_epochs: int, data: Data, tmp_path: Path) -> None:
    """The front needs to know the side, so a step must not be traced for sides in general."""
    recipe = replace(RECIPE, paired_epochs=paired_epochs)
    losses: list[float] = []
    trainer = Trainer(_network(), recipe, data.table, data.split, tmp_path)
    trainer.fit(lambda _, loss: losses.append(loss))
    assert len(losses) == 2
    assert np.isfinite(losses).all()


def test_each_epoch_has_its_consistency(data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def weight_alone(_: tf.Tensor, logits: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
        return weight + 0 * tf.reduce_sum(logits)  # a gradient of 0

    monkeypatch.setattr(fit, "paired_loss", weight_alone)
    recipe = replace(RECIPE, phases=((32, 4),), paired_epochs=3, consistency=12.0)
    losses: list[float] = []
    trainer = Trainer(_network(), recipe, data.table, data.split, tmp_path)
    trainer.fit(lambda _, loss: losses.append(loss))
    assert losses[1:] == [4, 8, 12]


def test_a_killed_run_is_taken_up(data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after epoch 1 of 2, it goes on with epoch 2; `conftest.published` kills a process."""
    drawn = _remembering_rows(monkeypatch)
    network = _network()
    frozen = network.get_layer("normalised").variables
    before, learned_before = _values(frozen), _values(network.trainable_variables)
    losses: list[tuple[int, float]] = []

    def kill(epoch: int, loss: float) -> None:
        losses.append((epoch, loss))
        raise Killed

    killed = Trainer(network, RECIPE, data.table, data.split, tmp_path)
    with pytest.raises(Killed):
        killed.fit(kill)
    assert set(drawn) == {0}
    assert 0.1 < losses[0][1] < 10
    # A step moves every weight but leaves batch normalisation alone: statistics, gamma and beta.
    assert _same(before, _values(frozen))
    assert all((a != b).any() for a, b in zip(learned_before, _values(network.trainable_variables), strict=True))

    resumed = Trainer(_network(), RECIPE, data.table, data.split, tmp_path)
    assert int(resumed.epoch) == 1
    assert _same(_values(network.weights), _values(resumed.network.weights))
    # Moments, moving averages of the weights and the place on the learning rate's cosine come back too.
    assert len(resumed.optimizer.variables) > 3 * len(network.trainable_variables)
    assert _same(_values(killed.optimizer.variables), _values(resumed.optimizer.variables))
    assert int(resumed.optimizer.iterations) == 2
    first = dict(drawn)
    drawn.clear()
    resumed.fit(lambda epoch, loss: losses.append((epoch, loss)))
    assert [epoch for epoch, _ in losses] == [0, 1]
    assert set(drawn) == {1}  # neither the warm-up nor the first epoch again

    second = dict(drawn)
    unbroken = Trainer(_network(), RECIPE, data.table, data.split, tmp_path / "unbroken")
    for epoch in (0, 1):
        unbroken.batches(epoch)
    assert drawn == first | second

    averaged = _values(resumed.optimizer._model_variables_moving_average)
    assert _same(averaged, _values(resumed.network.trainable_variables))
    finished = Trainer(_network(), RECIPE, data.table, data.split, tmp_path)
    finished.fit(lambda epoch, loss: losses.append((epoch, loss)))  # killed while it was published: nothing to train
    assert len(losses) == 2
    assert _same(averaged, _values(finished.network.trainable_variables))


@pytest.mark.parametrize(("compute", "dtype"), [("f32", "float32"), ("bf16", "bfloat16")])
def test_the_recipe_says_in_what_the_backbone_computes(compute: str, dtype: str, data: Data, tmp_path: Path) -> None:
    network = build_network("none")
    Trainer(network, replace(RECIPE, compute=compute), data.table, data.split, tmp_path)
    assert {layer.compute_dtype for layer in network.get_layer("backbone").layers} == {dtype}
    assert network.get_layer("head").compute_dtype == "float32"


def test_a_checkpoint_of_another_network_is_refused(data: Data, tmp_path: Path) -> None:
    Trainer(_network(), RECIPE, data.table, data.split, tmp_path).checkpoints.save()
    with pytest.raises((AssertionError, ValueError)):
        Trainer(build_network("none"), RECIPE, data.table, data.split, tmp_path)


def test_a_batch_that_cannot_be_divided(data: Data, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="batch of 8 images cannot be divided among 3 processes"):
        Trainer(_network(), RECIPE, data.table, data.split, tmp_path, workers=Workers(0, 3))
