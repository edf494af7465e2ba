import numpy as np

from dermoscopy.synthesis.scene import draw, stream


def test_scenes_vary_and_stay_in_the_frame() -> None:
    scenes = [draw(seed, 1.0) for seed in range(60)]
    assert len({scene.skin for scene in scenes}) == 60
    assert {scene.hairs for scene in scenes} == {0, 2, 4, 7, 12}
    assert min(scene.vignette for scene in scenes) < 0.5
    assert max(scene.vignette for scene in scenes) > 0.75
    for scene in scenes:
        assert all(0.4 < place < 0.6 for place in scene.centre)
        assert 0 < scene.radii[1] <= scene.radii[0] < 0.36
        assert np.hypot(*scene.direction) > 0.999999
        for strength in (scene.network, scene.globules, scene.veil, scene.regression, scene.redness, scene.variegation):
            assert 0 <= strength <= 1


def test_malignancy_only_adds() -> None:
    for seed in range(20):
        low, middle, high = (draw(seed, m) for m in (0.0, 0.5, 1.0))
        assert low.skin == high.skin
        assert low.centre == high.centre
        assert low.hairs == high.hairs
        for sign in (
            "irregularity",
            "variegation",
            "network_irregularity",
            "globules",
            "veil",
            "regression",
            "darkness",
        ):
            assert getattr(low, sign) <= getattr(middle, sign) <= getattr(high, sign)
        assert low.lobe_radius == low.veil == low.regression == 0.0


def test_streams_are_independent() -> None:
    first = stream(1, 0).uniform(size=4)
    assert np.array_equal(first, stream(1, 0).uniform(size=4))
    assert not np.array_equal(first, stream(1, 1).uniform(size=4))
    assert not np.array_equal(first, stream(2, 0).uniform(size=4))
