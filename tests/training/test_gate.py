from typing import get_args

import pytest

from dermoscopy.prepare import prepare
from dermoscopy.quality import measure
from model_store.decision import decide
from model_store.manifest import Issue
from model_store.runtime import load
from tests.training.built import Data, Published
from training.limits import held_out, measure_rows, refusals


def test_the_gate_is_measured_and_its_rule_gives_the_recorded_rates(published: Published, data: Data) -> None:
    gate = published.classifier.manifest.gate
    assert gate is not None
    assert {limit.issue for limit in gate.limits} == set(get_args(Issue))
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


def test_the_golden_images_pass_the_gate(published: Published) -> None:
    manifest, runtime = published.classifier.manifest, load(published.classifier, precision="f32")
    for golden in manifest.golden:
        assert "dermoscopic" in golden.outputs
        prepared = prepare((published.classifier.path / golden.file).read_bytes())
        found = decide(manifest, runtime.run(prepared.pixels[None]), 0, measures=measure(prepared))
        assert found.decision != "abstained"
