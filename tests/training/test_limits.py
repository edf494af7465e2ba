from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dermoscopy.prepare import SIDE
from model_store.gate import crossed
from model_store.manifest import Limit
from model_store.runtime import Runtime, load_directory
from tests.training.built import Data
from training import limits as limiting
from training.limits import SIDES, Found, choose_limits, held_out, least_side, measure_rows, refusals, sweep


@pytest.fixture(scope="module")
def runtime(exported: Path) -> Runtime:
    return load_directory(exported)


def _found(count: int = 1000) -> Found:
    random = np.random.default_rng(1)
    return {
        "sharpness": random.normal(0.7, 0.1, count), "light": random.normal(180, 15, count),
        "whiteness": random.normal(160, 15, count), "side": np.full(count, 224.0),
        "hair": random.uniform(0, 0.05, count), "glare": random.uniform(0, 0.02, count),
        "contrast": random.normal(80, 10, count), "dermoscopic": random.uniform(0.5, 1, count),
        "free_of_hair": random.uniform(0.4, 1, count), "free_of_ruler": random.uniform(0.4, 1, count),
        **_usual(count),
    }  # fmt: skip


def _usual(count: int) -> Found:
    """What every gate looks at, of pictures with which nothing is wrong."""
    return {"colour": np.full(count, 40.0), "redness": np.full(count, 0.3), "elongation": np.full(count, 1.3)}


def test_few_of_what_limits_were_chosen_on_are_refused() -> None:
    known = _found()
    chosen = choose_limits(known, 64)
    refused = refusals(chosen, known, np.arange(1000), "known")
    assert refused.abstained.value <= 0.02
    assert refused.issues["too_dark"] == refused.issues["glare"] == 0
    # The lowest 0.2 % of what was seen are close to 0.5 and 0.4; for hair, a third of the odds.
    least = {limit.issue: limit.least for limit in chosen}
    assert least["not_dermoscopic"] == pytest.approx(0.5, abs=0.01)
    assert least["hair"] == pytest.approx(1 / (1 + 1.5 * 3), abs=0.01)


def test_an_image_with_two_issues_is_refused_once() -> None:
    found: Found = {"light": np.array([10.0, 200, 10, 200]), "hair": np.array([0.9, 0, 0, 0.9]), **_usual(4)}
    both = [Limit(issue="too_dark", measure="light", least=90), Limit(issue="hair", measure="hair", most=0.5)]
    refused = refusals(both, found, np.arange(4), "four")
    fit = dict.fromkeys(("grey", "wrong_colours", "elongated"), 0)
    assert (refused.abstained.value, refused.issues) == (0.75, {"too_dark": 0.5, "hair": 0.5} | fit)


def test_what_every_gate_refuses_is_counted_where_nothing_else_is_wrong() -> None:
    found: Found = {"light": np.array([10.0, 200, 200, 200]), **_usual(4), "elongation": np.array([4.0, 4.0, 1.0, 1.0])}
    refused = refusals([Limit(issue="too_dark", measure="light", least=90)], found, np.arange(4), "four")
    assert (refused.abstained.value, refused.issues["too_dark"], refused.issues["elongated"]) == (0.5, 0.25, 0.25)


def test_of_two_limits_on_one_issue_either_refuses() -> None:
    found: Found = {"light": np.array([10.0, 200]), "whiteness": np.array([100.0, 250]), **_usual(2)}
    both = [
        Limit(issue="too_bright", measure="whiteness", most=240),
        Limit(issue="too_bright", measure="light", most=255),
    ]
    assert refusals(both, found, np.arange(2), "two").issues["too_bright"] == 0.5


def test_a_side_is_accepted_only_where_decisions_hold(runtime: Runtime, data: Data) -> None:
    pixels = np.ascontiguousarray(data.table.pixels[:8])
    assert least_side(runtime, pixels, 2.0) == SIDES[0]  # nothing reaches the threshold, so nothing can flip
    assert least_side(runtime, pixels, 0.5) in {*SIDES, SIDE}


def test_a_change_is_caught_from_where_nearly_all_are_refused_on(
    runtime: Runtime, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, change, _ = limiting.SWEEPS["darkness"]
    monkeypatch.setitem(limiting.SWEEPS, "darkness", (text, change, (0.9, 0.2, 0.1)))
    pixels = np.ascontiguousarray(data.table.pixels[:4])
    found = sweep(runtime, [Limit(issue="too_dark", measure="light", least=60)], pixels, "darkness")
    assert found.abstained["0.2"] == found.abstained["0.1"] == 1
    assert found.abstained["0.9"] < 1
    assert found.caught_from == 0.2
    never = sweep(runtime, [Limit(issue="too_dark", measure="light", least=0)], pixels, "darkness")
    assert never.caught_from is None


def test_the_side_is_that_of_the_file(runtime: Runtime, data: Data) -> None:
    rows = [data.row("fullres/ISIC_0090000"), data.row("ham10000/ISIC_0024306")]
    assert measure_rows(runtime, data.table, rows, "two")["side"].tolist() == [300, 96]


def test_nothing_held_out_was_learned_from(data: Data) -> None:
    for rows in held_out(data.table, data.split).values():
        assert not {data.split.roles[row] for row in rows} & {"training", "validation"}


def test_a_ruler_covers_more_of_the_picture_the_further_in_it_reaches(data: Data) -> None:
    before = data.table.pixels[0]
    covered = [
        (np.asarray(limiting.SWEEPS["ruler"][1](Image.fromarray(before), reach)) != before).any(axis=2).mean()
        for reach in (0.1, 0.5)
    ]
    assert covered == pytest.approx([0.1, 0.5], abs=0.1)


def test_hairs_are_laid_over_the_picture(data: Data) -> None:
    before = data.table.pixels[0]
    after = np.asarray(limiting.SWEEPS["hairs"][1](Image.fromarray(before), 40.0))
    changed = (after != before).any(axis=2).mean()
    assert 0.05 < changed < 0.9
    assert not crossed(Limit(issue="hair", measure="hair", most=1.0), np.float64(changed))
