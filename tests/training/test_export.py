import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from model_store.runtime import Runtime, load_directory
from tests.training.built import PLATT, Data
from training.backbone import mobilenet
from training.export import Gatekeepers, export_classifier, export_grader, load_published
from training.front import to_input
from training.grader import Sequential
from training.labels import CLASSES, DIAGNOSES
from training.network import build_network
from training.novelty import Novelty, fit_novelty

OUTPUTS = {
    "probability": (),
    "logit": (),
    "classes": (3,),
    "diagnoses": (7,),
    "activation_map": (5, 5),
    "novelty": (),
    "dermoscopic": (),
    "free_of_hair": (),
    "free_of_ruler": (),
}
SINGLE_FILE_LIMIT = 9_000_000
WITH_NORMALISATION = Path(__file__).parents[2] / "model_store" / "models" / "classifier" / "1"


@pytest.fixture(scope="module")
def pictures(data: Data) -> NDArray[np.uint8]:
    """Images of every source."""
    return np.ascontiguousarray(data.table.pixels[5::40])


@pytest.fixture(scope="module")
def tensorflow(exported: Path) -> Runtime:
    return load_directory(exported, runtime="tensorflow")


@pytest.fixture(scope="module")
def answers(tensorflow: Runtime, pictures: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    return tensorflow.run(pictures)


@pytest.fixture(scope="module")
def rounded(network: keras.Model, weights: Path) -> keras.Model:
    """The network with its backbone's weights rounded to float16, as they are stored."""
    copy = build_network(str(weights))
    copy.set_weights([np.asarray(value, np.float16).astype(np.float32) for value in network.get_weights()])
    copy.get_layer("head").set_weights(network.get_layer("head").get_weights())
    return copy


def _expected_logit(network: keras.Model, pictures: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Calibrated log odds of malignant, by the textbook: softmax, sums over the classes, Platt."""
    logits = network.predict_on_batch(pictures.astype(np.float32)).astype(np.float64)
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    benign = probability[:, [DIAGNOSES.index(d) for d in CLASSES["benign"]]].sum(axis=1)
    return np.asarray(PLATT.slope * np.log((1 - benign) / benign) + PLATT.intercept)


def test_it_has_all_agreed_outputs(answers: dict[str, NDArray[np.float32]], pictures: NDArray[np.uint8]) -> None:
    assert {name: values.shape[1:] for name, values in answers.items()} == OUTPUTS
    for values in answers.values():
        assert values.dtype == np.float32
        assert len(values) == len(pictures)


def test_it_is_the_network_within_float16(
    answers: dict[str, NDArray[np.float32]],
    network: keras.Model,
    rounded: keras.Model,
    pictures: NDArray[np.uint8],
) -> None:
    exact = _expected_logit(rounded, pictures)
    assert answers["logit"] == pytest.approx(exact, abs=2e-3)
    assert answers["probability"] == pytest.approx(1 / (1 + np.exp(-exact)), abs=5e-4)
    unrounded = 1 / (1 + np.exp(-_expected_logit(network, pictures)))
    assert answers["probability"] == pytest.approx(unrounded, abs=2e-2)
    assert np.ptp(answers["probability"]) > 0.05  # pictures do get different answers


def test_openvino_says_the_same(
    exported: Path, answers: dict[str, NDArray[np.float32]], pictures: NDArray[np.uint8]
) -> None:
    found = load_directory(exported).run(pictures)
    assert found.keys() == answers.keys()
    for name, values in found.items():
        assert values == pytest.approx(answers[name], abs=2e-3, rel=2e-3), name


def test_probability_is_that_of_the_two_malignant_classes(
    answers: dict[str, NDArray[np.float32]], rounded: keras.Model, pictures: NDArray[np.uint8]
) -> None:
    classes = answers["classes"]
    assert classes.sum(axis=1) == pytest.approx(1, abs=1e-6)
    assert answers["probability"] == pytest.approx(classes[:, 0] + classes[:, 1], abs=1e-6)
    assert answers["probability"] == pytest.approx(1 / (1 + np.exp(-answers["logit"])), abs=1e-6)
    logits = rounded.predict_on_batch(pictures.astype(np.float32)).astype(np.float64)
    melanoma = np.exp(logits[:, DIAGNOSES.index("mel")])
    other = np.exp(logits[:, [DIAGNOSES.index(d) for d in CLASSES["other_malignant"]]]).sum(axis=1)
    assert classes[:, 0] / classes[:, 1] == pytest.approx(melanoma / other, rel=5e-3)


def test_the_diagnoses_of_a_class_share_its_probability_as_the_network_has_them(
    answers: dict[str, NDArray[np.float32]], rounded: keras.Model, pictures: NDArray[np.uint8]
) -> None:
    exponent = np.exp(rounded.predict_on_batch(pictures.astype(np.float32)).astype(np.float64))
    for column, members in enumerate(CLASSES.values()):
        inside = [DIAGNOSES.index(diagnosis) for diagnosis in members]
        found = answers["diagnoses"][:, inside]
        assert found.sum(axis=1) == pytest.approx(answers["classes"][:, column], abs=1e-6)
        expected = exponent[:, inside] / exponent[:, inside].sum(axis=1, keepdims=True)
        assert found / answers["classes"][:, [column]] == pytest.approx(expected, abs=2e-3)


def test_the_mean_of_the_activation_map_is_the_linear_part_of_the_logit(
    answers: dict[str, NDArray[np.float32]], rounded: keras.Model, pictures: NDArray[np.uint8]
) -> None:
    """The logit's derivative along the diagnoses' logits, times those logits without their biases."""
    logits = tf.Variable(rounded.predict_on_batch(pictures.astype(np.float32)))
    malignant = [d not in CLASSES["benign"] for d in DIAGNOSES]
    with tf.GradientTape() as tape:
        odds = tf.reduce_logsumexp(tf.boolean_mask(logits, malignant, axis=1), axis=1) - tf.reduce_logsumexp(
            tf.boolean_mask(logits, [not m for m in malignant], axis=1), axis=1
        )
    slope = np.asarray(tape.gradient(odds, logits))
    bias = rounded.get_layer("head").get_weights()[1]
    linear = PLATT.slope * (slope * (np.asarray(logits) - bias)).sum(axis=1)
    assert answers["activation_map"].mean(axis=(1, 2)) == pytest.approx(linear, abs=5e-3, rel=5e-3)


def test_the_activation_map_has_the_place_of_the_features(
    answers: dict[str, NDArray[np.float32]], rounded: keras.Model, pictures: NDArray[np.uint8]
) -> None:
    features = rounded.get_layer("backbone").predict_on_batch(to_input(pictures[:1].astype(np.float32)))[0]
    kernel = rounded.get_layer("head").get_weights()[0]
    maps = np.stack([features @ kernel[:, index] for index in range(7)], axis=-1)
    residual = np.linalg.lstsq(maps.reshape(25, 7), answers["activation_map"][0].ravel(), rcond=None)[1]
    assert float(residual[0]) < 1e-3 * float((answers["activation_map"][0] ** 2).sum())


def test_novelty_is_as_it_was_fitted(
    answers: dict[str, NDArray[np.float32]],
    features: NDArray[np.float32],
    rounded: keras.Model,
    pictures: NDArray[np.uint8],
) -> None:
    fitted = fit_novelty(features)
    pooled = rounded.get_layer("backbone").predict_on_batch(to_input(pictures.astype(np.float32))).mean(axis=(1, 2))
    centred = (pooled - fitted.mean).astype(np.float64)
    directions = fitted.axes / np.linalg.norm(fitted.axes, axis=0)
    rest = ((centred - (centred @ directions) @ directions.T) ** 2).sum(axis=1) / fitted.leftover
    expected = np.sqrt((((centred @ fitted.axes) ** 2).mean(axis=1) + rest) / 2)
    assert answers["novelty"] == pytest.approx(expected, rel=0.02)


def test_what_the_training_images_are_not_is_more_novel(tensorflow: Runtime, data: Data) -> None:
    known = tensorflow.run(np.ascontiguousarray(data.table.pixels[:8]))["novelty"]
    stripes = np.zeros((1, 224, 224, 3), np.uint8)
    stripes[:, ::16] = (0, 255, 0)
    assert tensorflow.run(stripes)["novelty"][0] > 2 * known.max()


def test_its_files_are_small_and_hold_no_keras_object(exported: Path) -> None:
    files = [path for path in exported.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < SINGLE_FILE_LIMIT
    assert not [path for path in files if "keras" in path.name]  # Keras's export leaves keras_metadata.pb
    graph = (exported / "saved_model.pb").read_bytes()
    for marker in (b"_tf_keras_", b"keras_api"):
        assert marker not in graph
    stored = tf.train.list_variables(str(exported / "variables" / "variables"))
    # Each weight once, in half precision; only the head and the novelty's mean are float32.
    assert sum(math.prod(shape) for _, shape in stored) < 3.4e6
    saved: Any = tf.saved_model.load(str(exported))
    assert {value.dtype for value in saved.weights} == {tf.float16}
    assert not isinstance(saved, keras.Model)


def test_the_signature_is_the_contract(exported: Path) -> None:
    saved: Any = tf.saved_model.load(str(exported))
    (spec,) = saved.signatures["serving_default"].structured_input_signature[1].values()
    assert (spec.name, spec.dtype, spec.shape.as_list()) == ("image", tf.uint8, [None, 224, 224, 3])
    assert set(saved.signatures["serving_default"].structured_outputs) == set(OUTPUTS)


def test_a_published_classifier_can_be_gone_on_from(
    exported: Path, rounded: keras.Model, pictures: NDArray[np.uint8]
) -> None:
    network = build_network("none")
    load_published(network, exported)
    for loaded, stored in zip(network.get_weights(), rounded.get_weights(), strict=True):
        assert (loaded == stored).all()
    images = pictures.astype(np.float32)
    assert (network.predict_on_batch(images) == rounded.predict_on_batch(images)).all()


def test_a_classifier_published_with_batch_normalisation_can_be_gone_on_from() -> None:
    """classifier/1: first all kernels, then each normalisation's gamma, beta, mean and variance."""
    saved: Any = tf.saved_model.load(str(WITH_NORMALISATION))
    stored = [np.asarray(value, np.float32) for value in saved.weights]
    normalised = mobilenet("none")
    convolutions, normalisations = iter(stored[:27]), iter(stored[27:])
    for layer in [layer for layer in normalised.layers if layer.weights]:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([next(normalisations) for _ in range(4)])
            assert layer.get_weights()[3].min() >= 0  # a variance
        else:
            layer.set_weights([next(convolutions)])
    network = build_network("none")
    load_published(network, WITH_NORMALISATION)
    image = np.random.default_rng(0).uniform(-1, 1, (1, 160, 160, 3)).astype(np.float32)
    expected = np.asarray(normalised(image, training=False))
    assert expected.shape == (1, 5, 5, 1024)
    assert expected.std() > 0.1
    assert np.asarray(network.get_layer("backbone")(image)) == pytest.approx(expected, abs=1e-3)
    for loaded, value in zip(network.get_layer("head").get_weights(), (saved.kernel, saved.bias), strict=True):
        assert (loaded == np.asarray(value)).all()


def test_a_model_of_another_architecture_is_refused(exported: Path, tmp_path: Path) -> None:
    inputs = keras.Input((None, None, 3))
    backbone = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(4, 3)], name="backbone")
    pooled = keras.layers.GlobalAveragePooling2D()(backbone(inputs))
    other = keras.Model(inputs, keras.layers.Dense(7, name="head")(pooled))
    with pytest.raises(ValueError, match="does not hold the weights of this network"):
        load_published(other, exported)
    foreign = tf.Module()
    foreign.number = tf.Variable(1.0)
    tf.saved_model.save(foreign, str(tmp_path))
    with pytest.raises(ValueError, match="does not hold the weights of this network"):
        load_published(build_network("none"), tmp_path)


@pytest.mark.parametrize("value", [7e4, np.inf, np.nan])
def test_a_weight_beyond_float16_is_refused(
    network: keras.Model, gatekeepers: Gatekeepers, value: float, tmp_path: Path
) -> None:
    novelty = Novelty(np.zeros(1024, np.float32), np.full((1024, 64), value, np.float32), 1.0)
    with pytest.raises(ValueError, match="too large for float16"):
        export_classifier(network, PLATT, novelty, gatekeepers, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_grader_answers_what_its_two_questions_say(
    network: keras.Model, rounded: keras.Model, pictures: NDArray[np.uint8], tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    model = Sequential(random.normal(0, 0.05, (1024, 2)), np.array([0.3, -1.0]))
    export_grader(network, model.kernel, model.bias, tmp_path)
    pooled = rounded.get_layer("backbone").predict_on_batch(to_input(pictures.astype(np.float32))).mean(axis=(1, 2))
    for runtime in (load_directory(tmp_path, runtime="tensorflow"), load_directory(tmp_path)):
        answers = runtime.run(pictures)
        assert set(answers) == {"probabilities"}
        assert answers["probabilities"] == pytest.approx(model.probabilities(pooled), abs=2e-3)
        assert answers["probabilities"].sum(axis=1) == pytest.approx(1, abs=1e-6)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < SINGLE_FILE_LIMIT
    with pytest.raises(ValueError, match="does not hold the weights"):  # a grader's head has two outputs
        load_published(build_network("none"), tmp_path)
