"""Built once for all tests of this folder: a painted data root, its table, a network, its exported artifact.

Nothing here may be changed by a test; one that trains builds its own network.
"""

import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from model_store.gate import LEARNED
from model_store.store import Store
from tests.training.built import PLATT, Data, Published
from tests.training.data_root import paint_data_root
from tests.training.quick import hurry
from training.backbone import mobilenet
from training.bfloat16 import Emulated
from training.cli import main
from training.export import Gatekeepers, calibrated, export_classifier
from training.front import to_input
from training.gatekeeper import features_of, fit_gatekeeper
from training.images import Image
from training.network import build_network
from training.novelty import fit_novelty
from training.sources import read_sources
from training.splits import split
from training.table import build_table

ROOT = Path(__file__).parents[2]
REAL_DATA = ROOT.parent / "shared" / "data"
FIRST_EPOCH_WITHIN = 900.0
"""Seconds; one minute is enough where nothing else runs, but not beside a training run."""


@pytest.fixture(scope="session", autouse=True)
def one_thread_of_linear_algebra() -> Iterator[None]:
    """Threads that wait for each other make small matrices ten times slower where the machine does other work."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def real_images() -> list[Image]:
    """What ../shared/data holds; its pictures are not in the repository, so a plain checkout skips these tests."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"NOT TESTED ON REAL DATA: there is no {REAL_DATA}, which the repository may not contain")
    return read_sources(REAL_DATA)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    root = tmp_path_factory.mktemp("data")
    planted = paint_data_root(root)
    cache = tmp_path_factory.mktemp("cache")
    table = build_table(read_sources(root), cache)
    return Data(root, cache, planted, table, split(table))


@pytest.fixture(scope="session")
def weights(data: Data, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A MobileNet's random weights with batch statistics that fit them, as a file.

    Freshly drawn weights with the statistics of nothing (mean 0, variance 1) fade the signal out over 27 layers;
    normalised, random features tell dark from bright.
    """
    keras.utils.set_random_seed(3)
    backbone = mobilenet("none")
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    backbone(to_input(data.table.pixels[::12].astype(np.float32)), training=True)
    path = tmp_path_factory.mktemp("weights") / "random.weights.h5"
    backbone.save_weights(path)
    return path


@pytest.fixture(scope="session")
def network(weights: Path) -> keras.Model:
    keras.utils.set_random_seed(4)
    return build_network(str(weights))


@pytest.fixture(scope="session")
def features(network: keras.Model, data: Data) -> NDArray[np.float32]:
    """float32[96, 1024]: pooled features of the first images of the table."""
    pixels = to_input(data.table.pixels[:96].astype(np.float32))
    return np.asarray(network.get_layer("backbone").predict_on_batch(pixels).mean(axis=(1, 2)))


@pytest.fixture(scope="session")
def gatekeepers(network: keras.Model, data: Data) -> Gatekeepers:
    """Told painted lesions from noise, dark ones and bright ones."""
    backbone = network.get_layer("backbone")
    painted = data.table.pixels[:32]
    noise = np.random.default_rng(1).integers(0, 256, (16, 224, 224, 3), np.uint8)
    good, *wrong = (features_of(backbone, [pixels]) for pixels in (painted, noise, painted // 4, 255 - painted // 4))
    return {output: fit_gatekeeper(good, features) for output, features in zip(LEARNED, wrong, strict=True)}


@pytest.fixture(scope="session")
def exported(
    network: keras.Model,
    features: NDArray[np.float32],
    gatekeepers: Gatekeepers,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The network as a SavedModel, calibrated with `PLATT`."""
    folder = tmp_path_factory.mktemp("exported")
    export_classifier(network, PLATT, fit_novelty(features), gatekeepers, folder)
    return folder


@pytest.fixture(scope="session")
def emulated(network: keras.Model) -> Emulated:
    """The exported artifact's probability in emulated bfloat16."""
    kernel, bias = network.get_layer("head").get_weights()
    backbone = network.get_layer("backbone")
    return Emulated(backbone, kernel, bias, lambda logits: tf.sigmoid(calibrated(logits, PLATT)[1]))


def _kill_after_first_epoch(command: list[str], history: Path) -> None:
    """Run the command line in a process of its own and kill it once it has written down its first epoch."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.training.quick", *command],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def written() -> bool:
        # The file is there a moment before its line is.
        return history.is_file() and history.read_text().endswith("\n")

    try:
        deadline = time.monotonic() + FIRST_EPOCH_WITHIN
        while time.monotonic() < deadline and process.poll() is None and not written():
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
    assert written(), f"no epoch was written down within {FIRST_EPOCH_WITHIN:g} s"


@pytest.fixture(scope="session")
def published(data: Data, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """`python -m training classifier`, killed and given again, then `grader`: from images to published versions.

    Only how often something is repeated is less than in earnest (`quick.hurry`).
    """
    folder = tmp_path_factory.mktemp("published")
    run, state = folder / "run", folder / "state"
    common = [*data.options, "--store", str(folder / "models")]
    schedule = ["--phases", "48:2", "--epoch-size", "192", "--prevalence", "0.3"]
    command = ["classifier", *common, *schedule, "--run", str(run), "--weights", str(weights)]
    _kill_after_first_epoch(command, run / "history.jsonl")
    killed = (run / "history.jsonl").read_text()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as output:
        hurry(patch)
        assert main(command) == 0
        labelled = ["--label", "stable", "--state", str(state)]
        assert main(["grader", *common, "--run", str(folder / "grader"), *labelled]) == 0
    store = Store(folder / "models")
    versions = store.open("classifier", 1), store.open("grader", 1)
    return Published(store, *versions, run, command, common, state, killed, output.getvalue())
