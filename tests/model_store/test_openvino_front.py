"""The front as convolutions, on every bundled version: none can be changed any more."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from model_store.openvino_front import LARGEST_CHANGE, sample_by_convolutions
from model_store.openvino_quiet import ops, ov
from model_store.openvino_streams import core, read
from model_store.store import Store
from tests.shipped import older, recent
from tests.tiny_models import BENIGN, MELANOMA, picture
from training.front_matrices import FROM_PLANES, TO_PLANES, sampling_matrices

STORE = Store(Path(__file__).parents[2] / "model_store" / "models")
VERSIONS = [(name, version) for name in STORE.names() for version in STORE.versions(name)]
SOME = {("classifier", 1), *((name, version) for name in STORE.names() for version in recent(name))}
EVERY = [pytest.param(*one, marks=() if one in SOME else older) for one in VERSIONS]
NOISE = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)
PICTURES = [picture(BENIGN), picture(MELANOMA, 1), NOISE]


def results(model: ov.Model) -> list[dict[str, NDArray[np.float32]]]:
    compiled = core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return [
        {
            name: np.array(values)
            for tensor, values in compiled({0: pixels[None]}).items()
            for name in tensor.get_names()
        }
        for pixels in PICTURES
    ]


def products(model: ov.Model) -> int:
    return sum(node.get_type_name() in ("MatMul", "Einsum") for node in model.get_ordered_ops())


@pytest.mark.parametrize(("name", "version"), EVERY)
def test_every_version_with_a_front_is_the_same_function(name: str, version: int) -> None:
    plain, rewritten = read(STORE.path(name, version)), read(STORE.path(name, version))
    assert sample_by_convolutions(rewritten) == (version > 1), "version 1 has no front"
    # Four products less; one more changes the weights of the first convolution, when it is compiled.
    assert products(plain) - products(rewritten) == (3 if version > 1 else 0)
    for before, after in zip(results(plain), results(rewritten), strict=True):
        for output, values in before.items():
            largest = max(1.0, float(np.abs(values).max()))
            assert after[output] == pytest.approx(values, abs=LARGEST_CHANGE * largest), output


def front(rows: NDArray[np.float32], columns: NDArray[np.float32], equation: str = "bhwc,pc->bphw") -> ov.Model:
    """As training exports it, and a first convolution, which shows each pixel of what it is given."""
    image = ops.parameter([1, 224, 224, 3], np.uint8, name="image")
    scaled = ops.subtract(ops.divide(ops.convert(image, "f32"), np.float32(127.5)), np.float32(1))
    planes = ops.einsum([scaled.output(0), ops.constant(TO_PLANES.astype(np.float32)).output(0)], equation)
    if equation != "bhwc,pc->bphw":
        planes = ops.transpose(planes, [0, 2, 1, 3])
    sampled = ops.matmul(ops.matmul(ops.constant(rows), planes, False, False), ops.constant(columns), False, False)
    given = [sampled.output(0), ops.constant(FROM_PLANES.astype(np.float32)).output(0)]
    seen = ops.transpose(ops.einsum(given, "bphw,cp->bhwc"), [0, 3, 1, 2])
    kernel = np.zeros((27, 3, 3, 3), np.float32)
    kernel.reshape(27, 27)[np.diag_indices(27)] = 1
    shown = ops.convolution(seen, ops.constant(kernel), [1, 1], [1, 1], [1, 1], [1, 1])
    return ov.Model([ops.result(shown)], [image])


def matrices() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rows = sampling_matrices(224)
    return rows, np.ascontiguousarray(rows.transpose(0, 2, 1))


def test_every_pixel_of_what_the_network_sees_is_the_same_at_the_border_too() -> None:
    plain, rewritten = front(*matrices()), front(*matrices())
    assert sample_by_convolutions(rewritten)
    compiled = [core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}) for model in (plain, rewritten)]
    before, after = (np.array(one({0: NOISE[None]})[0]) for one in compiled)
    assert before.shape == after.shape == (1, 27, 160, 160)
    assert np.abs(before - after).max() < 4 * LARGEST_CHANGE
    assert np.abs(before).max() > 0.5


def test_what_does_not_repeat_is_left_as_it_is() -> None:
    rows, columns = matrices()
    other = rows.copy()
    other[0, 80] = np.roll(other[0, 80], 1)
    for one in (front(other, columns), front(rows, np.ascontiguousarray(other.transpose(0, 2, 1)))):
        before = products(one)
        assert not sample_by_convolutions(one)
        assert products(one) == before


def test_an_empty_row_is_left_as_it_is() -> None:
    rows, columns = matrices()
    rows[:, :, :] = 0
    assert not sample_by_convolutions(front(rows, columns))


def test_other_coordinates_are_left_as_they_are() -> None:
    assert not sample_by_convolutions(front(*matrices(), equation="bhwc,pc->bhpw"))


def test_a_model_without_a_convolution_is_left_as_it_is() -> None:
    image = ops.parameter([1, 8, 8, 3], np.float32)
    assert not sample_by_convolutions(ov.Model([ops.relu(image)], [image]))
