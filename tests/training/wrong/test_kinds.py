import numpy as np

from training.wrong.kinds import draw, kinds

GOOD = np.full((3, 224, 224, 3), 120, np.uint8)


def test_some_kinds_are_only_measured_on() -> None:
    every = kinds(GOOD)
    assert {name for name, kind in every.items() if not kind.learned} == {
        "cells", "speckles", "handwriting", "unseen-photographs"
    }  # fmt: skip
    assert {"pages", "noise", "plain-skin", "photographs", "screenshots-of-lesions"} <= every.keys()


def test_pictures_that_are_measured_on_are_others_than_those_that_are_learned_from() -> None:
    kind = kinds(GOOD)["gradients"]
    learned, measured = draw("gradients", kind, 3), draw("gradients", kind, 3, first=3)
    assert (learned == draw("gradients", kind, 3)).all()
    assert (draw("gradients", kind, 6)[3:] == measured).all()
    assert (learned != measured).any(axis=(1, 2, 3)).all()
