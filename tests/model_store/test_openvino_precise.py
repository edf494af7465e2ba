"""Start and tail in float32, on the bundled versions: some allow bfloat16, and none can be changed any more."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dermoscopy.prepare import prepare
from dermoscopy.quality import measure_pixels
from model_store.decision import SUM_TOLERANCE, decide, grade
from model_store.errors import RefusedForNow
from model_store.openvino_front import sample_by_convolutions
from model_store.openvino_precise import PRECISE_CONVOLUTIONS, average_precisely, keep_ends_precise, keep_tail_precise
from model_store.openvino_quiet import ops, ov
from model_store.openvino_streams import Plan, Row, Streams, compile_model, core, import_all, in_memory, read
from model_store.runtime import load
from model_store.runtime_openvino import computes_bf16
from model_store.store import Store
from tests.shipped import older, recent
from tests.tiny_models import BENIGN, MELANOMA, OTHER_MALIGNANT, picture
from training.runtimes import LARGEST_ALLOWED

STORE = Store(Path(__file__).parents[2] / "model_store" / "models")
VERSIONS = [(name, version) for name in STORE.names() for version in STORE.versions(name)]
RECENT = {(name, version) for name in STORE.names() for version in recent(name)}
EVERY = [pytest.param(*one, marks=() if one in RECENT else older) for one in VERSIONS]
REAL = Path(__file__).parents[3] / "shared" / "data" / "fullres" / "images"
PICTURES = [
    *(picture(colour, seed) for seed, colour in enumerate([BENIGN, MELANOMA, OTHER_MALIGNANT, (128, 128, 128)])),
    np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8),
]

needs_bf16 = pytest.mark.skipif(not computes_bf16(), reason="NOT RUN: this processor does not compute in bf16")


def outputs(model: ov.Model) -> list[Row]:
    plan = Plan("f32", 1, 1)
    models = import_all(in_memory(compile_model(model, "f32")), plan)
    assert models is not None
    streams = Streams(models, plan)
    return [streams.run(pixels[None])[0] for pixels in PICTURES]


def assert_same(found: list[Row], expected: list[Row]) -> None:
    for one, other in zip(found, expected, strict=True):
        for output, values in one.items():
            assert other[output] == pytest.approx(values, rel=1e-4, abs=2e-4), output


def products(model: ov.Model) -> set[str]:
    return {node.get_friendly_name() for node in model.get_ordered_ops() if node.get_type_name() == "MatMul"}


@pytest.mark.parametrize(("name", "version"), EVERY)
def test_the_rewritten_model_is_the_same_function(name: str, version: int) -> None:
    path = STORE.path(name, version)
    plain, rewritten = read(path), read(path)
    count = keep_tail_precise(rewritten)
    assert count == len(products(plain)) - len(products(rewritten)) > 0
    assert_same(outputs(plain), outputs(rewritten))


@pytest.mark.parametrize(("name", "version"), EVERY)
def test_what_the_first_convolutions_are_made_of_keeps_its_precision(name: str, version: int) -> None:
    plain = read(STORE.path(name, version))
    model = keep_ends_precise(core(), read(STORE.path(name, version)))
    nodes = model.get_ordered_ops()
    kept = [node for node in nodes if any("DisablePrecisionConversion" in key for key in node.get_rt_info())]
    convolutions = [node for node in nodes if "Convolution" in node.get_type_name()]
    marked = [node.get_friendly_name() for node in kept if node in convolutions]
    assert marked == [node.get_friendly_name() for node in convolutions[:PRECISE_CONVOLUTIONS]]
    assert len(kept) > PRECISE_CONVOLUTIONS
    assert_same(outputs(plain), outputs(model))


def means(model: ov.Model) -> list[tuple[int, ...]]:
    """Shapes of what means are taken of."""
    return [
        tuple(node.input_value(0).get_shape())
        for node in model.get_ordered_ops()
        if node.get_type_name() == "ReduceMean"
    ]


def test_means_over_the_last_precise_map_are_taken_of_it_as_a_matrix() -> None:
    """Which the first layer that the gate's heads look at is; the others are bfloat16."""
    plain, model = read(STORE.path("classifier", 5)), read(STORE.path("classifier", 5))
    for one in (plain, model):
        assert sample_by_convolutions(one)
    names = average_precisely(model)
    assert (means(plain).count((1, 64, 80, 80)), means(plain).count((6400, 64))) == (2, 0)
    assert (means(model).count((1, 64, 80, 80)), means(model).count((6400, 64))) == (0, 2)
    assert len(means(model)) == len(means(plain))
    kinds = {node.get_type_name() for node in model.get_ordered_ops() if node.get_friendly_name() in names}
    assert {"ReduceMean", "Power", "Subtract", "Clamp"} <= kinds
    assert "Concat" not in kinds
    assert_same(outputs(plain), outputs(model))


def test_a_model_with_few_convolutions_has_no_start() -> None:
    image = ops.parameter([1, 8, 8, 3], np.float32)
    model = ov.Model([ops.relu(image)], [image])
    again = keep_ends_precise(core(), model)
    assert not [node for node in again.get_ordered_ops() if list(node.get_rt_info())]


def test_what_also_reads_earlier_maps_stays_a_matrix_product() -> None:
    """The gate's heads read every block of the network: whole maps would have to be turned into float32 for them."""
    model = read(STORE.path("classifier", 5))
    before = products(model)
    keep_tail_precise(model)
    left = products(model) & before
    assert len([name for name in left if "gate" in name.lower() or "MatVec" in name]) >= 3


@needs_bf16
@pytest.mark.parametrize(
    ("name", "version"),
    [
        every
        for one, every in zip(VERSIONS, EVERY, strict=True)
        if STORE.open(*one).manifest.validated("openvino", "bf16")
    ],
)
def test_in_bf16_whatever_comes_out_is_an_answer(name: str, version: int) -> None:
    stored = STORE.open(name, version)
    runtime, precise = load(stored, precision="bf16"), load(stored, precision="f32")
    for pixels in [*PICTURES, *real()]:
        found = runtime.run(pixels[None])
        if stored.manifest.task == "grading":
            grade(stored.manifest, found, 0)
            continue
        decide(stored.manifest, found, 0, measures=measure_pixels(pixels, 224))
        assert found["probability"] == pytest.approx(precise.run(pixels[None])["probability"], abs=LARGEST_ALLOWED)
        for output in ("classes", "diagnoses"):
            if output in found:
                assert abs(float(found[output].sum()) - 1) < SUM_TOLERANCE / 100


def test_without_a_folder_for_temporary_files_it_is_refused_in_bf16_until_there_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with pytest.raises(RefusedForNow, match="no room for temporary files"):
        load(STORE.open("classifier", 5), precision="bf16")


def real() -> list[NDArray[np.uint8]]:
    """Real pictures where they are there: painted ones are so certain that rounding hardly shows."""
    return [prepare(file.read_bytes()).pixels for file in sorted(REAL.glob("*.jpg"))[:6]]
