import re
from collections.abc import Iterator
from typing import Any

import pytest

from model_store.manifest import Manifest, Measured
from tests.training.built import Published
from training import texts
from training.card import PREVALENCES, write_card

NUMBER = re.compile(r"(?:(?<=\s)-)?(?<![\w.])\d+(?:\.\d+)?(?![\w.]*\w)")


@pytest.fixture(params=["classifier", "grader"])
def manifest(published: Published, request: pytest.FixtureRequest) -> Manifest:
    version = published.classifier if request.param == "classifier" else published.grader
    return version.manifest


def _flat(value: Any) -> Iterator[Any]:
    """Every scalar of the manifest, keys too."""
    if isinstance(value, dict):
        for key, inside in value.items():
            yield key
            yield from _flat(inside)
    elif isinstance(value, list | tuple):
        for inside in value:
            yield from _flat(inside)
    else:
        yield value


def _known_numbers(manifest: Manifest) -> set[float]:
    known = set()
    for value in _flat(manifest.model_dump(exclude={"files", "golden"})):
        if isinstance(value, int | float) and not isinstance(value, bool):
            known.add(float(value))
        elif isinstance(value, str):
            known |= {float(number) for number in NUMBER.findall(value)}
    known |= {float(number) for text in (*texts.LIMITS, *texts.CLASSIFIER_LIMITS) for number in NUMBER.findall(text)}
    if manifest.calibration:
        known.add(manifest.calibration.prevalence * 100)
    return known | {95.0}  # the intervals


def _same(shown: str, value: float) -> bool:
    decimals = len(shown.partition(".")[2])
    return abs(float(shown) - value) <= 0.5001 * 0.1**decimals


def _row(measured: Measured) -> str:
    return f"{measured.value:.3f} ({measured.low:.3f} to {measured.high:.3f})"


def test_every_metric_is_in_it(manifest: Manifest) -> None:
    card = write_card(manifest)
    for name, evaluation in manifest.evaluations.items():
        section = card.split(f"### {name}\n")[1].split("\n#")[0]
        assert f"{evaluation.images} images of {evaluation.groups} lesions" in section
        assert f"{evaluation.positives} positive; not seen in training" in section
        for metric, measured in evaluation.metrics.items():
            assert f"| {metric} | {_row(measured)} |" in section


def test_sources_runtimes_and_recipe_are_in_it(manifest: Manifest) -> None:
    card = write_card(manifest)
    for s in manifest.training.sources:
        row = f"| {s.name} | {s.images} | {s.training} | {s.validation} | {s.test} | {s.removed} | {s.licence} |"
        assert row in card
    for r in manifest.runtimes:
        assert f"| {r.runtime} | {r.precision} | {r.images} | {r.mean_difference:.5f} " in card
    for name, value in manifest.training.recipe.items():
        assert f"- {name}: {value}" in card
    for text in (*manifest.training.notes, *manifest.evidence.values(), manifest.label_policy, manifest.intended_use):
        assert text in card


def test_the_recipes_of_what_it_goes_back_to_have_lines_of_their_own(manifest: Manifest) -> None:
    before = ['{"seed": 2}', '{"seed": 1}']
    training = manifest.training.model_copy(update={"recipe": {"seed": 3, "recipes_before": before}})
    card = write_card(manifest.model_copy(update={"training": training}))
    assert '- seed: 3\n- recipes_before:\n  - `{"seed": 2}`\n  - `{"seed": 1}`\n' in card


def test_operating_points_calibration_and_novelty_are_in_it(published: Published) -> None:
    manifest = published.classifier.manifest
    card = write_card(manifest)
    for point in manifest.operating_points:
        figures = f"| {_row(point.sensitivity)} | {_row(point.specificity)} |"
        assert f"| {point.name} | {point.threshold:.4f} {figures}" in card
    assert f"Default: {manifest.default_operating_point}." in card
    assert manifest.calibration is not None
    assert "for a prevalence of 30 %" in card
    for value in manifest.calibration.parameters.values():
        assert f"{value:.4f}" in card
    for quantile, value in manifest.novelty_quantiles.items():
        assert f"- {quantile}: {value:.4f}" in card


def test_no_number_is_invented(manifest: Manifest) -> None:
    known = _known_numbers(manifest)
    before, *computed = write_card(manifest).split("\n", 1)[1].split("### Predictive values\n")
    shown = NUMBER.findall(before + "\n## Evaluation\n".join(part.split("\n## Evaluation\n")[1] for part in computed))
    assert len(shown) > 50 or manifest.task == "grading"
    invented = [number for number in shown if not any(_same(number, value) for value in known)]
    assert invented == []


def test_predictive_values_are_those_of_bayes(published: Published) -> None:
    manifest = published.classifier.manifest
    section = write_card(manifest).split("### Predictive values\n")[1].split("\n#")[0]
    for point in manifest.operating_points:
        for prevalence in PREVALENCES:
            found, wrong = prevalence * point.sensitivity.value, (1 - prevalence) * (1 - point.specificity.value)
            spared, missed = (1 - prevalence) - wrong, prevalence - found
            (row,) = re.findall(rf"\| {point.name} \| {prevalence * 100:g} % \| (.*) \|", section)
            if found + wrong and spared + missed:
                ppv, npv = (float(cell.split(" ")[0]) for cell in row.split(" | "))
                assert ppv == pytest.approx(found / (found + wrong), abs=0.00051)
                assert npv == pytest.approx(spared / (spared + missed), abs=0.00051)
            else:
                assert row.strip(" |") == ""


def test_a_point_that_calls_everything_the_same_has_no_predictive_values(published: Published) -> None:
    manifest = published.classifier.manifest
    all_malignant = manifest.operating_points[-1].model_copy(
        update={
            "sensitivity": Measured(value=1.0, low=1.0, high=1.0),
            "specificity": Measured(value=0.0, low=0.0, high=0.0),
        }
    )
    card = write_card(manifest.model_copy(update={"operating_points": [all_malignant]}))
    assert f"| {all_malignant.name} | 3 % |  |  |" in card


def test_names_keep_their_capitals(published: Published) -> None:
    card = write_card(published.classifier.manifest)
    assert "\nHeld-out lesions of HAM10000, all their copies" in card
    assert "\nPalms and soles from International Dermoscopy Society only" in card


def test_a_grader_is_not_said_to_be_measured_as_an_artifact(published: Published) -> None:
    grader, classifier = (write_card(version.manifest) for version in (published.grader, published.classifier))
    assert "The exported artifact was measured." in classifier
    assert "The exported artifact was measured." not in grader
    assert "Measured by cross-validation" in grader
    for limit in texts.CLASSIFIER_LIMITS:
        assert limit in classifier
        assert limit not in grader  # it has no prevalence and no melanoma10000
    for limit in texts.LIMITS:
        assert limit in grader
        assert limit in classifier


def test_the_published_card_is_the_one_of_its_manifest(published: Published) -> None:
    for version in (published.classifier, published.grader):
        without_files = version.manifest.model_copy(update={"files": {}})
        assert (version.path / "model_card.md").read_text("utf-8") == write_card(without_files)
