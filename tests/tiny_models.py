"""A store with real, tiny versions, for tests that must not wait for trained ones: real SavedModels, files of 600 kB.

The models are not trained but made up so that a test can choose their answer by the picture that it sends: dark
pictures are malignant, bright ones benign; of dark pictures bluish ones are melanoma and reddish ones another
malignancy. `picture` paints them. The rest of the weights is random, so that every pixel has an influence.

    store = build_store(tmp_path / "models")        # classifier/1 and grader/1, both labelled "stable"
    add_classifier(store, seed=2)                   # classifier/2, with other weights and other probabilities
"""

import io
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dermoscopy.prepare import PREPROCESSING_VERSION, prepare
from model_store.labels import Labels
from model_store.manifest import (
    Calibration,
    Diagnosis,
    Evaluation,
    Gate,
    Golden,
    InputContract,
    Limit,
    Manifest,
    Measured,
    OperatingPoint,
    Pinned,
    Refusals,
    SourceRecord,
    Sweep,
    TrainingRecord,
    ValidatedRuntime,
)
from model_store.publish import publish
from model_store.runtime import load_directory
from model_store.store import Store, StoredVersion

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
import tensorflow as tf

MELANOMA = (90, 40, 40)
OTHER_MALIGNANT = (40, 40, 90)
BENIGN = (230, 200, 190)
GREY = (120, 110, 112)
GREEN = (60, 160, 60)
"""Not dermoscopic, for versions with `GATE`."""


DIAGNOSES = {
    code: Diagnosis(name=f"made up {code}", icd10=[icd10], class_name=name)
    for code, icd10, name in (
        ("mel", "C43", "melanoma"), ("bcc", "C44", "other_malignant"), ("nv", "D22", "benign"), ("bkl", "L82", "benign")
    )
}  # fmt: skip
"""What the tiny classifiers tell apart; of benign three quarters are the third."""


def _refused(share: float) -> Refusals:
    figure = Measured(value=share, low=share, high=share)
    return Refusals(description="painted", images=4, abstained=figure, issues={"too_dark": share})


GATE = Gate(
    limits=[
        Limit(issue="not_dermoscopic", measure="dermoscopic", least=0.5),
        Limit(issue="too_dark", measure="light", least=20.0),
        Limit(issue="too_small", measure="side", least=64.0),
    ],
    chosen_on="nothing",
    good={"painted": _refused(0.0)},
    wrong={"green": _refused(1.0)},
    sweeps={"darkness": Sweep(description="brightness multiplied", abstained={"0.5": 0.0, "0": 1.0}, caught_from=0.0)},
)
"""For `add_classifier(store, gate=GATE)`."""


def picture(colour: tuple[int, int, int], seed: int = 0) -> NDArray[np.uint8]:
    """uint8[224, 224, 3]: a colour with seeded noise, so that pictures of one colour differ in every answer."""
    noise = np.random.default_rng(seed).integers(-25, 26, (224, 224, 3))
    return np.clip(np.asarray(colour) + noise, 0, 255).astype(np.uint8)


def png(pixels: NDArray[np.uint8]) -> bytes:
    """The picture as a PNG file, which `dermoscopy.prepare` gives back unchanged."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def build_store(root: Path) -> Store:
    """A store with classifier/1 and grader/1, which pins the classifier; the shipped label "stable" is on both."""
    store = Store(root)
    classifier = add_classifier(store)
    grader = add_grader(store, classifier)
    for version in (classifier, grader):
        Labels(store, store.root).move(version.name, "stable", version.version)
    return store


def add_classifier(store: Store, seed: int = 1, **changes: Any) -> StoredVersion:
    """Publishes the next version of the classifier; `changes` go into its manifest. No label moves."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        save(_Classifier(seed), path)
        return publish(store, path, classifier_manifest(store, path, **changes))


def add_grader(store: Store, classifier: StoredVersion, seed: int = 1, **changes: Any) -> StoredVersion:
    """Publishes the next version of the grader, which pins `classifier`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        save(_Grader(seed), path)
        return publish(store, path, grader_manifest(store, path, classifier, **changes))


def classifier_manifest(store: Store, path: Path, **changes: Any) -> Manifest:
    """A manifest for the SavedModel in `path`; writes its golden images there."""
    golden = write_golden(path, ["probability", "classes", "diagnoses"])
    points = [_point("sensitive", 0.3), _point("specific", 0.7)]
    fields: dict[str, Any] = _common(store, "classifier") | {
        "task": "classification",
        "label_policy": "malignant: dark",
        "classes": {"melanoma": "dark red", "other_malignant": "dark blue", "benign": "bright"},
        "diagnoses": DIAGNOSES,
        "calibration": Calibration(method="none", prevalence=0.2, fitted_on="nothing", parameters={}),
        "operating_points": points,
        "default_operating_point": "sensitive",
        "golden": golden,
        "novelty_quantiles": {"0.5": 1.0, "0.99": 2.0},
    }
    return Manifest.model_validate(fields | changes)


def grader_manifest(store: Store, path: Path, classifier: StoredVersion, **changes: Any) -> Manifest:
    """A manifest for the SavedModel in `path`; writes its golden images there."""
    pinned = Pinned(name=classifier.name, version=classifier.version, digest=classifier.digest)
    fields: dict[str, Any] = _common(store, "grader") | {
        "task": "grading",
        "label_policy": "the redder the higher",
        "classes": {"1": "in situ", "2": "invasive", "3": "metastatic"},
        "evidence": {"1": "made up", "2": "made up", "3": "made up"},
        "golden": write_golden(path, ["probabilities"]),
        "classifier": pinned,
    }
    return Manifest.model_validate(fields | changes)


def write_golden(path: Path, outputs: list[str]) -> list[Golden]:
    """Paints golden images into `path`/golden and records what TensorFlow says of them."""
    runtime = load_directory(path, runtime="tensorflow")
    (path / "golden").mkdir()
    records = []
    for number, colour in enumerate([MELANOMA, OTHER_MALIGNANT, GREY, BENIGN]):
        file = f"golden/{number:02}.png"
        (path / file).write_bytes(png(picture(colour, seed=number)))
        row = runtime.run(prepare((path / file).read_bytes()).pixels[np.newaxis])
        records.append(Golden(file=file, outputs={name: row[name].ravel().tolist() for name in outputs}))
    return records


def _common(store: Store, name: str) -> dict[str, Any]:
    figure = Measured(value=0.9, low=0.8, high=0.95)
    kinds = [("openvino", "f32", 1e-3), ("openvino", "bf16", 5e-2), ("tensorflow", "f32", 1e-4)]
    return {
        "name": name,
        "version": store.next_version(name),
        "created": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "summary": f"Tiny {name} for tests.",
        "input": InputContract(preprocessing_version=PREPROCESSING_VERSION),
        "evaluations": {
            "painted": Evaluation(
                description="painted", images=4, positives=2, groups=4, metrics={"auc": figure}, seen_in_training=False
            )
        },
        "training": TrainingRecord(recipe={"epochs": 0}, sources=[_SOURCE], notes=["made up"]),
        "runtimes": [
            ValidatedRuntime.model_validate(
                {"runtime": runtime, "precision": precision, "images": 4, "tolerance": tolerance}
                | {"mean_difference": tolerance / 10, "largest_difference": tolerance / 2}
            )
            for runtime, precision, tolerance in kinds
        ],
        "intended_use": "Tests only.",
    }


_SOURCE = SourceRecord(name="painted", licence="CC0-1.0", images=4, training=0, validation=0, test=4, removed=0)


def _point(name: str, threshold: float) -> OperatingPoint:
    figure = Measured(value=0.9, low=0.8, high=0.95)
    return OperatingPoint(
        name=name, rule=name, threshold=threshold, sensitivity=figure, specificity=figure,
        chosen_on="painted", measured_on="painted",
    )  # fmt: skip


class _Tiny(tf.Module):  # type: ignore[misc]  # TensorFlow ships no types
    """Flat float16 variables, cast in the graph, as in the trained versions; one convolution, pooling, one layer."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        random = np.random.default_rng(seed)
        kernel = random.normal(0, 0.01, (32, 32, 3, 16))
        kernel[..., 0] = -1 / kernel[..., 0].size  # relu(darkness)
        kernel[..., 1] = np.array([1, 0, -1]) / (32 * 32)  # relu(redness)
        kernel[..., 2] = np.array([-1, 0, 1]) / (32 * 32)  # relu(blueness)
        head = random.normal(0, 0.2, (16, 3))
        head[:3] = self.head
        self.kernel = tf.Variable(kernel.astype(np.float16))
        self.weights = tf.Variable(head.astype(np.float16))

    head = np.zeros((3, 3))

    def features(self, image: Any) -> Any:
        """f32[b, 7, 7, 16]."""
        scaled = tf.cast(image, tf.float32) / 127.5 - 1
        return tf.nn.relu(tf.nn.conv2d(scaled, tf.cast(self.kernel, tf.float32), 32, "VALID"))

    def distribution(self, pooled: Any, bias: list[float]) -> Any:
        """f32[b, 3]."""
        return tf.nn.softmax(pooled @ tf.cast(self.weights, tf.float32) + tf.constant(bias))


class _Classifier(_Tiny):
    head = np.array([[6.0, 6.0, -4.0], [4.0, 0.0, 0.0], [0.0, 4.0, 0.0]])

    def __call__(self, image: Any) -> dict[str, Any]:
        features = self.features(image)
        pooled = tf.reduce_mean(features, [1, 2])
        mean = tf.reduce_mean(tf.cast(image, tf.float32), [1, 2])
        classes = self.distribution(pooled, [-1.5, -1.5, 2.0])
        probability = classes[:, 0] + classes[:, 1]
        return {
            "probability": probability,
            "logit": tf.math.log(probability) - tf.math.log(classes[:, 2]),
            "classes": classes,
            "diagnoses": tf.concat([classes[:, :2], classes[:, 2:] * [[0.75, 0.25]]], 1),
            "activation_map": tf.reduce_mean(features, 3),
            "novelty": tf.norm(pooled, axis=1),
            "dermoscopic": tf.sigmoid(tf.linalg.matvec(mean, tf.constant([0.5, -1.0, 0.5])) / 5 + 1),
        }


class _Grader(_Tiny):
    head = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 4.0], [2.0, 0.0, 0.0]])

    def __call__(self, image: Any) -> dict[str, Any]:
        return {"probabilities": self.distribution(tf.reduce_mean(self.features(image), [1, 2]), [0.0, 0.0, 0.0])}


def save(model: Any, path: Path) -> None:
    """Saves a module as a SavedModel with the agreed signature."""
    function = tf.function(model.__call__, input_signature=[tf.TensorSpec([None, 224, 224, 3], tf.uint8, "image")])
    tf.saved_model.save(model, str(path), signatures=function.get_concrete_function())
