import numpy as np

from model_store.gate import LEARNED
from training.wrong.kinds import Kind, draw, kinds, spared

GOOD = np.full((3, 224, 224, 3), 120, np.uint8)


def test_some_kinds_are_only_measured_on() -> None:
    every = kinds(GOOD)
    assert {name for name, kind in every.items() if not kind.learned} == {
        "cells", "speckles", "handwriting", "unseen-photographs", "mostly-fur", "tape"
    }  # fmt: skip
    assert {"pages", "noise", "plain-skin", "photographs", "screenshots-of-lesions"} <= every.keys()


def test_pictures_that_are_measured_on_are_others_than_those_that_are_learned_from() -> None:
    kind = kinds(GOOD)["gradients"].make
    learned, measured = draw("gradients", kind, 3), draw("gradients", kind, 3, first=3)
    assert (learned == draw("gradients", kind, 3)).all()
    assert (draw("gradients", kind, 6)[3:] == measured).all()
    assert (learned != measured).any(axis=(1, 2, 3)).all()


def test_every_output_has_something_to_refuse() -> None:
    assert {kind.output for kind in kinds(GOOD).values() if kind.learned} == set(LEARNED)


def test_what_is_to_pass_is_covered_less_than_what_is_not() -> None:
    wrong, right = kinds(GOOD), spared(GOOD)

    def covered(make: Kind) -> float:
        return float((draw("covered", make, 6) != GOOD[0]).any(axis=3).mean())

    assert covered(right["some-hair"]) < 0.5 * covered(wrong["mostly-hair"].make)
    assert covered(right["ruler-at-edge"]) < 0.5 * covered(wrong["ruler"].make)
