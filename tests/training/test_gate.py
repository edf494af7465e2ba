import re
from typing import cast, get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from dermoscopy.prepare import prepare
from dermoscopy.quality import measure
from model_store.decision import decide
from model_store.gate import UNKNOWN
from model_store.manifest import Issue, Limit, Refusals
from model_store.runtime import Runtime, load
from tests.training.built import Data, Published
from tests.training.wrong.test_kinds import COLOURED, shown_in
from training import limits as limiting
from training.gate import _measure_spared, _measure_wrong
from training.limits import held_out, measure_rows, refusals
from training.wrong import kinds as wrong_kinds
from training.wrong.kinds import kinds
from training.wrong.photographs import MEASURED, files_of


def test_the_gate_is_measured_and_its_rule_gives_the_recorded_rates(published: Published, data: Data) -> None:
    gate = published.classifier.manifest.gate
    assert gate is not None
    assert {limit.issue for limit in gate.limits} == set(get_args(Issue)) - {limit.issue for limit in UNKNOWN}
    assert {"isic-acral", "ham10000", "melanoma-severity"} <= gate.good.keys()
    assert {"plain-skin", "pages", "handwriting"} <= gate.wrong.keys()
    assert not gate.wrong["handwriting"].learned
    assert gate.wrong["pages"].learned
    rows = held_out(data.table, data.split)["isic-acral"]
    runtime = load(published.classifier, precision="f32")
    found = measure_rows(runtime, data.table, rows, "acral")
    again = refusals(gate.limits, found, data.table.lesions[rows], gate.good["isic-acral"].description)
    assert again.issues == gate.good["isic-acral"].issues
    assert again.abstained.value == pytest.approx(gate.good["isic-acral"].abstained.value, abs=1e-3)


def test_the_gate_says_from_how_many_pictures_the_wrong_ones_are(published: Published) -> None:
    """The two hundred parts of five photographs are five photographs."""
    gate = published.classifier.manifest.gate
    assert gate is not None
    described = {name: found.description for name, found in gate.wrong.items()}
    assert described["pages"] == "pages: others than were learned from"
    assert described["handwriting"] == "handwriting: a kind never learned from"
    assert re.fullmatch(
        r"photographs: other parts of what was learned from, from \d+ pictures", described["photographs"]
    )
    pattern = r"unseen-photographs: a kind never learned from, from (\d+) pictures"
    found = re.fullmatch(pattern, described["unseen-photographs"])
    assert found
    assert int(found[1]) <= len(files_of(MEASURED))
    assert re.fullmatch(r"tape: a kind never learned from, from \d+ lesions", described["tape"])


def test_pictures_of_one_lesion_are_no_independent_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both for what is to be refused and for what is not, with the numbers of the pictures that are drawn."""
    drawn: list[list[int]] = []
    groups: list[list[int]] = []

    def measure_images(_: Runtime, pixels: NDArray[np.uint8], *__: object) -> limiting.Found:
        drawn.append(shown_in(pixels))
        usual = np.ones(len(pixels))
        return {"light": pixels.mean(axis=(1, 2, 3)), "colour": usual, "redness": usual, "elongation": usual}

    def refusals(
        limits: list[Limit], found: limiting.Found, lesions: NDArray[np.int64], text: str, *, learned: bool = False
    ) -> Refusals:
        groups.append(lesions.tolist())
        return limits_refusals(limits, found, lesions, text, learned=learned)

    limits_refusals = limiting.refusals
    monkeypatch.setattr(limiting, "measure_images", measure_images)
    monkeypatch.setattr(limiting, "refusals", refusals)
    monkeypatch.setattr(wrong_kinds, "MEASURED_EACH", 8)
    limits, runtime = [Limit(issue="too_dark", measure="light", least=0)], cast("Runtime", None)
    # The first and the last show one lesion.
    lesions = [7, 9, 7]
    every = {name: kind for name, kind in kinds(COLOURED, None, lesions).items() if name in {"block-scale", "tape"}}
    assert list(_measure_wrong(runtime, limits, every)) == ["block-scale", "tape"]
    assert list(_measure_spared(runtime, limits, COLOURED, lesions)) == ["some-hair", "ruler-at-edge"]
    assert groups == [[lesions[place] for place in places] for places in drawn]


def test_the_golden_images_pass_the_gate(published: Published) -> None:
    manifest, runtime = published.classifier.manifest, load(published.classifier, precision="f32")
    for golden in manifest.golden:
        assert "dermoscopic" in golden.outputs
        prepared = prepare((published.classifier.path / golden.file).read_bytes())
        found = decide(manifest, runtime.run(prepared.pixels[None]), 0, measures=measure(prepared))
        assert found.decision != "abstained"
