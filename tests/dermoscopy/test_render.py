import hashlib
import time

import numpy as np
import pytest
from numpy.typing import NDArray

from dermoscopy.render import render, render_lesion


def _irregularity(mask: NDArray[np.bool_]) -> float:
    """Perimeter² over area: smallest for a disc."""
    edges = np.count_nonzero(mask[1:] != mask[:-1]) + np.count_nonzero(mask[:, 1:] != mask[:, :-1])
    return float(edges**2 / np.count_nonzero(mask))


def _asymmetry(mask: NDArray[np.bool_]) -> float:
    """Share of the lesion that does not fall on itself when turned by 180 degrees about its centre."""
    rows, columns = np.nonzero(mask)
    turned = np.zeros_like(mask)
    to_row, to_column = np.rint(2 * rows.mean() - rows), np.rint(2 * columns.mean() - columns)
    inside = (to_row >= 0) & (to_row < mask.shape[0]) & (to_column >= 0) & (to_column < mask.shape[1])
    turned[to_row[inside].astype(int), to_column[inside].astype(int)] = True
    return float(np.count_nonzero(mask & ~turned) / np.count_nonzero(mask))


def _colours(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> float:
    return float(pixels[mask].astype(float).std(axis=0).mean())


def test_the_same_seed_gives_the_same_bytes() -> None:
    """The digest holds on every machine; a change to it changes golden inputs, so it must be meant."""
    pixels = render_lesion(7, side=224, malignancy=0.8)
    assert pixels.shape == (224, 224, 3)
    assert pixels.dtype == np.uint8
    assert (
        hashlib.sha256(pixels.tobytes()).hexdigest()
        == "10684165c639fd4d5632cc82314d9d36a7f20013d33cb64fb4a23c5a7f6b520c"
    )
    assert np.array_equal(render(7, malignancy=0.8).pixels, pixels)


def test_seeds_differ() -> None:
    digests = {render_lesion(seed, side=64).tobytes() for seed in range(20)}
    assert len(digests) == 20


def test_a_seed_shows_the_same_lesion_at_every_size() -> None:
    small, large = render(5, side=128), render(5, side=384)
    assert small.scene == large.scene
    assert np.count_nonzero(small.mask != large.mask[1::3, 1::3]) < 0.01 * small.mask.size
    averaged = large.pixels.reshape(128, 3, 128, 3, 3).mean(axis=(1, 3))
    assert np.abs(averaged - small.pixels).mean() < 5


def test_the_mask_is_where_the_pigment_is() -> None:
    for seed in range(12):
        rendered = render(seed, side=160, malignancy=0.2)
        assert 0.02 < rendered.mask.mean() < 0.45
        lesion = rendered.pixels[rendered.mask].astype(float).mean(axis=0)
        across = np.linalg.norm(np.indices((160, 160)) / 160 - 0.5, axis=0)
        skin = rendered.pixels[~rendered.mask & (across < 0.4)].astype(float).mean(axis=0)
        assert (skin - lesion).mean() > 15


def test_malignancy_moves_the_signs_of_the_abcd_rule() -> None:
    low = [render(seed, side=160, malignancy=0.0) for seed in range(16)]
    high = [render(seed, side=160, malignancy=1.0) for seed in range(16)]

    def mean(rendered: list[float]) -> float:
        return float(np.mean(rendered))

    assert mean([_asymmetry(r.mask) for r in high]) > 2 * mean([_asymmetry(r.mask) for r in low])
    assert mean([_irregularity(r.mask) for r in high]) > 1.2 * mean([_irregularity(r.mask) for r in low])
    assert mean([_colours(r.pixels, r.mask) for r in high]) > 1.5 * mean([_colours(r.pixels, r.mask) for r in low])
    assert mean([r.mask.mean() for r in high]) > 1.3 * mean([r.mask.mean() for r in low])


def test_the_skin_around_it_stays_the_same() -> None:
    low, high = render(4, malignancy=0.0), render(4, malignancy=1.0)
    assert low.scene.skin == high.scene.skin
    assert np.array_equal(low.pixels[:20, :20], high.pixels[:20, :20])


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"side": 31}, {"malignancy": 1.01}, {"malignancy": float("nan")}])
def test_arguments_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="seed must not be negative"):
        render(**{"seed": 1, **wrong})  # type: ignore[arg-type]


def test_it_is_quick_enough_to_make_many() -> None:
    render(0)
    start = time.process_time()
    for seed in range(5):
        render(seed)
    assert (time.process_time() - start) / 5 < 0.3
