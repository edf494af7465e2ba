import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from model_store.compiled import CompiledModels
from model_store.errors import RefusedVersion
from model_store.openvino_streams import Streams, made_for
from model_store.runtime import load
from model_store.runtime_openvino import OpenVinoRuntime, computes_bf16
from model_store.store import Store
from tests.tiny_models import MELANOMA, picture, save

REPOSITORY = Path(__file__).parents[2]

LOADER = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from model_store.runtime import load_directory
runtime = load_directory(Path(sys.argv[1]))
import numpy
runtime.run(numpy.zeros((1, 224, 224, 3), numpy.uint8))
print(sorted(name for name in sys.modules if name.startswith(("openvino_telemetry", "openvino.tools.", "tensorflow"))))
print(sys.modules["openvino.tools.ovc"])
"""


def test_it_reports_to_nobody_and_needs_no_tensorflow(pristine: Store, tmp_path: Path) -> None:
    """Importing OpenVINO writes an identifier into the home directory and sends it; ours must not."""
    command = [sys.executable, "-c", LOADER, str(pristine.path("classifier", 1))]
    environment = {name: value for name, value in os.environ.items() if name not in {"CI", "TF_BUILD", "JENKINS_URL"}}
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment | {"HOME": str(tmp_path)}, check=True, capture_output=True, text=True
    )
    assert done.stdout.split("\n")[:2] == ["['openvino.tools.ovc']", "None"]
    assert list(tmp_path.iterdir()) == []


def test_one_thread_at_a_time_uses_it_for_the_first_time(pristine: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two can wait for each other for ever; by the time that a runtime is there, everything was used once."""
    inside, most, ran = 0, 0, 0
    really_load, really_run = OpenVinoRuntime._load, Streams.run

    def load(runtime: OpenVinoRuntime, *arguments: Any) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        really_load(runtime, *arguments)

    def run(streams: Streams, images: Any) -> Any:
        nonlocal inside, ran
        found = really_run(streams, images)
        inside, ran = inside - 1, ran + 1
        return found

    monkeypatch.setattr(OpenVinoRuntime, "_load", load)
    monkeypatch.setattr(Streams, "run", run)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: OpenVinoRuntime(pristine.path("classifier", 1)), range(4)))
    assert (most, ran) == (1, 4)


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_the_number_of_threads_changes_no_bit(pristine: Store, precision: Any) -> None:
    if precision == "bf16" and not computes_bf16():
        pytest.skip("this processor does not compute in bf16")
    images = np.stack([picture(MELANOMA, seed) for seed in range(5)])
    path = pristine.path("classifier", 1)
    default = OpenVinoRuntime(path, precision=precision).run(images)
    for threads in (1, 2, 4):
        outputs = OpenVinoRuntime(path, precision=precision, threads=threads).run(images)
        for name, values in outputs.items():
            np.testing.assert_array_equal(values, default[name], f"{name} with {threads} threads")


def test_side_by_side_as_alone_to_the_last_bit(pristine: Store) -> None:
    image = picture(MELANOMA, 1)[np.newaxis]
    runtime = OpenVinoRuntime(pristine.path("classifier", 1), threads=2)
    alone = runtime.run(image)
    assert not runtime.crowded
    before = runtime.run(image, together=2)
    assert runtime.crowded  # and answered all the same
    runtime.expect_crowds()
    assert not runtime.crowded
    assert runtime._side_by_side is not None
    behind = runtime.run(image, together=2)
    assert not runtime.crowded
    for name, values in alone.items():
        np.testing.assert_array_equal(before[name], values, name)
        np.testing.assert_array_equal(behind[name], values, name)


def test_where_one_thread_gives_other_bits_than_two_everything_goes_the_way_of_lone_images(
    pristine: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    really_run = Streams.run

    def run(streams: Streams, images: Any) -> Any:
        rows = really_run(streams, images)
        if streams.threads == 1:
            rows = [row | {"logit": np.nextafter(row["logit"], np.float32(np.inf))} for row in rows]
        return rows

    monkeypatch.setattr(Streams, "run", run)
    runtime = OpenVinoRuntime(pristine.path("classifier", 1), threads=2)
    image = picture(MELANOMA, 1)[np.newaxis]
    alone = runtime.run(image)
    runtime.expect_crowds()
    np.testing.assert_array_equal(runtime.run(image, together=2)["logit"], alone["logit"])
    assert not runtime.crowded  # there is nothing to make ready any more


def test_a_single_processor_has_one_way_only(pristine: Store) -> None:
    runtime = OpenVinoRuntime(pristine.path("classifier", 1), threads=1)
    image = picture(MELANOMA, 1)[np.newaxis]
    runtime.run(image, together=2)
    runtime.expect_crowds()
    assert runtime._side_by_side is None
    assert runtime.run(image, together=2)["probability"].shape == (1,)


def test_what_one_start_compiled_the_next_one_reads(pristine: Store, tmp_path: Path) -> None:
    image, version = picture(MELANOMA, 1)[np.newaxis], pristine.open("classifier", 1)
    first = load(version, threads=2, compiled=CompiledModels(tmp_path / "compiled", version.digest))
    first.expect_crowds()
    expected = first.run(image)
    assert list(tmp_path.iterdir()) == []  # no answer waits for it to be kept
    first.keep_compiled()
    assert len(list((tmp_path / "compiled").iterdir())) == 1  # for lone images and for crowds

    gone = replace(version, path=tmp_path / "gone")  # so that it can come from nowhere else
    kept = CompiledModels(tmp_path / "compiled", version.digest)
    second = load(gone, threads=2, compiled=kept)
    assert kept.used
    second.expect_crowds()
    for together in (1, 2):
        for name, values in second.run(image, together=together).items():
            np.testing.assert_array_equal(values, expected[name], name)
    with pytest.raises(RefusedVersion):
        load(gone, threads=2, compiled=CompiledModels(tmp_path / "compiled", version.digest, anew=True))


def test_what_was_kept_and_is_no_model_is_compiled_again(pristine: Store, tmp_path: Path) -> None:
    image, version = picture(MELANOMA, 1)[np.newaxis], pristine.open("classifier", 1)
    kept = CompiledModels(tmp_path / "compiled", version.digest)
    kept.write(made_for("f32"), b"no model")
    found = load(version, precision="f32", threads=2, compiled=kept)
    np.testing.assert_array_equal(found.run(image)["logit"], load(version, precision="f32").run(image)["logit"])
    found.keep_compiled()
    assert len(CompiledModels(kept.folder, version.digest).read(made_for("f32")) or b"") > 1000


def test_it_is_ready_for_crowds_also_where_its_files_are_gone(store: Store) -> None:
    image = picture(MELANOMA, 1)[np.newaxis]
    runtime = OpenVinoRuntime(store.path("classifier", 1), threads=2)
    alone = runtime.run(image, together=2)
    shutil.rmtree(store.path("classifier", 1))
    runtime.expect_crowds()
    assert not runtime.crowded
    assert runtime._side_by_side is not None
    np.testing.assert_array_equal(runtime.run(image, together=2)["logit"], alone["logit"])


def test_the_precision_is_the_one_that_was_asked_for(pristine: Store) -> None:
    if not computes_bf16():
        pytest.skip("this processor does not compute in bf16")
    images = np.stack([picture(MELANOMA, seed) for seed in range(5)])
    path = pristine.path("classifier", 1)
    f32, bf16 = (OpenVinoRuntime(path, precision=precision) for precision in ("f32", "bf16"))
    assert (f32.precision, bf16.precision) == ("f32", "bf16")
    assert not np.array_equal(f32.run(images)["logit"], bf16.run(images)["logit"])


class FloatInput(tf.Module):  # type: ignore[misc]  # TensorFlow ships no types
    """Takes floats, as a model does whose pixels were scaled outside: it would answer uint8 with nonsense."""

    def __call__(self, image: Any) -> dict[str, Any]:
        return {"probability": tf.reduce_mean(image, [1, 2, 3])}


def test_a_model_that_takes_something_else_is_refused(tmp_path: Path) -> None:
    model = FloatInput()
    function = tf.function(model.__call__, input_signature=[tf.TensorSpec([None, 224, 224, 3], tf.float32, "image")])
    tf.saved_model.save(model, str(tmp_path), signatures=function.get_concrete_function())
    with pytest.raises(RefusedVersion, match="the uint8 'image'"):
        OpenVinoRuntime(tmp_path)


class OtherName(tf.Module):  # type: ignore[misc]  # TensorFlow ships no types
    """Takes the right thing under another name."""

    def __call__(self, picture: Any) -> dict[str, Any]:
        return {"probability": tf.reduce_mean(tf.cast(picture, tf.float32), [1, 2, 3])}


def test_a_model_whose_input_has_another_name_is_refused(tmp_path: Path) -> None:
    model = OtherName()
    function = tf.function(model.__call__, input_signature=[tf.TensorSpec([None, 224, 224, 3], tf.uint8, "picture")])
    tf.saved_model.save(model, str(tmp_path), signatures=function.get_concrete_function())
    with pytest.raises(RefusedVersion, match="the uint8 'image'"):
        OpenVinoRuntime(tmp_path)


class SharedTensor(tf.Module):  # type: ignore[misc]  # TensorFlow ships no types
    """The same tensor under two names."""

    def __call__(self, image: Any) -> dict[str, Any]:
        mean = tf.reduce_mean(tf.cast(image, tf.float32), [1, 2, 3])
        return {"probability": mean, "novelty": mean}


def test_outputs_that_share_a_tensor_keep_both_names(tmp_path: Path) -> None:
    save(SharedTensor(), tmp_path)
    outputs = OpenVinoRuntime(tmp_path).run(np.full((2, 224, 224, 3), 7, np.uint8))
    assert {name: values.tolist() for name, values in outputs.items()} == {
        "probability": [7.0, 7.0],
        "novelty": [7.0, 7.0],
    }
