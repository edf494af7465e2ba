import numpy as np

from dermoscopy.quality import measure_pixels
from dermoscopy.render import render_lesion
from training.wrong.skins import plain_skin, skin


def test_nothing_stands_out_from_skin() -> None:
    bare = [
        measure_pixels(make(np.random.default_rng(i)), 224).contrast for make in (skin, plain_skin) for i in range(6)
    ]
    lesions = [measure_pixels(render_lesion(i), 224).contrast for i in range(6)]
    assert np.median(bare) < 0.5 * np.median(lesions)
