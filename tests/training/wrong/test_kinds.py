from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from model_store.gate import LEARNED
from training.wrong import photographs
from training.wrong.kinds import Kind, draw, kinds, originals_of, spared

GOOD = np.full((3, 224, 224, 3), 120, np.uint8)
COLOURS = np.array([(201, 33, 61), (47, 190, 38), (35, 62, 207)], np.uint8)
COLOURED = np.ascontiguousarray(np.broadcast_to(COLOURS[:, None, None], (3, 224, 224, 3)))
FIRST, COUNT = 40, 8


def test_some_kinds_are_only_measured_on() -> None:
    every = kinds(GOOD)
    assert {name for name, kind in every.items() if not kind.learned} == {
        "cells", "speckles", "handwriting", "unseen-photographs", "mostly-fur", "tape", "exchanged-red-and-blue"
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


def test_red_and_blue_are_exchanged_in_the_picture_that_it_is_said_to_show() -> None:
    kind = kinds(COLOURED)["exchanged-red-and-blue"]
    drawn = draw("exchanged-red-and-blue", kind.make, COUNT, FIRST)
    shown = originals_of("exchanged-red-and-blue", kind.originals, COUNT, FIRST)
    assert (drawn == COLOURED[shown][..., ::-1]).all()


def test_what_is_to_pass_is_covered_less_than_what_is_not() -> None:
    wrong, right = kinds(GOOD), spared(GOOD)

    def covered(make: Kind) -> float:
        return float((draw("covered", make, 6) != GOOD[0]).any(axis=3).mean())

    assert covered(right["some-hair"]) < 0.5 * covered(wrong["mostly-hair"].make)
    assert covered(right["ruler-at-edge"]) < 0.5 * covered(wrong["ruler"].make)


def shown_in(pictures: NDArray[np.uint8]) -> list[int]:
    """Which of `COLOURED` most of each picture is, or most of what is one of them."""
    distance = np.abs(pictures[..., None, :].astype(int) - COLOURS).max(axis=4)
    return [int(number) for number in (distance < 12).sum(axis=(1, 2)).argmax(axis=1)]


@pytest.mark.parametrize(
    "name", ["screenshots-of-lesions", "mostly-hair", "mostly-fur", "ruler", "block-scale", "tape"]
)
def test_the_original_of_a_picture_is_the_one_that_it_shows(name: str) -> None:
    kind = kinds(COLOURED)[name]
    found = originals_of(name, kind.originals, COUNT, FIRST).tolist()
    assert (kind.originals, kind.shown) == ((0, 1, 2), "lesions")
    assert found == shown_in(draw(name, kind.make, COUNT, FIRST))
    assert len(set(found)) > 1


@pytest.mark.parametrize("name", ["some-hair", "ruler-at-edge"])
def test_the_original_of_a_picture_that_is_to_pass(name: str) -> None:
    found = originals_of(name, range(len(COLOURED)), COUNT, FIRST).tolist()
    assert found == shown_in(draw(name, spared(COLOURED)[name], COUNT, FIRST))


def test_parts_of_two_photographs_have_two_originals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [tmp_path / "0.png", tmp_path / "1.png"]
    for file, picture in zip(files, COLOURED[:2], strict=True):
        Image.fromarray(picture).save(file)
    monkeypatch.setattr(photographs, "files_of", lambda _: files)
    for name in ("photographs", "unseen-photographs"):
        kind = kinds(GOOD)[name]
        found = originals_of(name, kind.originals, COUNT, FIRST)
        brighter = draw(name, kind.make, COUNT, FIRST).mean(axis=(1, 2))[:, :2].argmax(axis=1)
        assert set(found.tolist()) == {0, 1}
        assert (found == brighter).all()


def test_two_pictures_of_a_lesion_are_one_original() -> None:
    lesions = [5, 8, 5]
    kind = kinds(COLOURED, lesions=lesions)["tape"]
    found = originals_of("tape", kind.originals, COUNT, FIRST).tolist()
    assert found == [lesions[shown] for shown in shown_in(draw("tape", kind.make, COUNT, FIRST))]
    assert set(found) == {5, 8}


def test_what_is_drawn_from_nothing_is_each_its_own() -> None:
    kind = kinds(GOOD)["clouds"]
    assert originals_of("clouds", kind.originals, 4, FIRST).tolist() == [0, 1, 2, 3]
