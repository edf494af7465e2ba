import json
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from model_store.decision import decide
from model_store.golden import check_golden
from model_store.manifest import Manifest
from model_store.runtime import load, load_directory
from tests.training.built import Data, Published
from training import evaluation, texts
from training.export import load_published
from training.labels import CLASS_MEANINGS
from training.licence import licence_of
from training.network import build_network
from training.novelty import COMPONENTS
from training.release import (
    SEEN,
    ReleaseError,
    check_ready,
    may_have_seen,
    release_classifier,
    source_records,
)
from training.splits import Split
from training.work import CONFOUNDED, Work


@pytest.fixture
def work(data: Data, tmp_path: Path) -> Work:
    return Work(data.table, data.split, tmp_path, 0.3, {"split": data.split.digest(data.table)})


def _without(work: Work, role: str, *kinds: str) -> Work:
    """The same data, with the images of a role whose kind is named (or all) taken out of it."""
    roles = [
        "removed" if given == role and (not kinds or (label and evaluation.kind_of(label) in kinds)) else given
        for given, label in zip(work.split.roles, work.table.labels, strict=True)
    ]
    return replace(work, split=Split(roles))


@pytest.mark.parametrize("name", ["classifier", "grader"])
@pytest.mark.parametrize("runtime", ["openvino", "tensorflow"])
def test_what_is_published_would_be_served(published: Published, name: str, runtime: str) -> None:
    version = published.store.open(name, 1)  # hashes, sizes, no file too many or too few
    loaded = load(version, runtime="openvino" if runtime == "openvino" else "tensorflow")
    validated = version.manifest.validated(loaded.name, loaded.precision)
    assert validated is not None
    assert check_golden(version, loaded) <= validated.tolerance
    assert sum(record.size for record in version.manifest.files.values()) < 9_000_000


def test_a_published_classifier_decides(published: Published, data: Data) -> None:
    manifest = published.classifier.manifest
    outputs = load(published.classifier).run(np.ascontiguousarray(data.table.pixels[::30]))
    decisions = [
        decide(manifest.model_copy(update={"gate": None}), outputs, row) for row in range(len(outputs["probability"]))
    ]
    assert {decision.decision for decision in decisions} == {"benign", "malignant"}
    assert {decision.operating_point.name for decision in decisions} == {"melanoma_sensitivity_95"}


def test_the_manifest_says_what_was_done(published: Published, data: Data) -> None:
    manifest = published.classifier.manifest
    assert manifest.classes == CLASS_MEANINGS
    assert manifest.calibration is not None
    assert manifest.calibration.prevalence == 0.3
    assert manifest.calibration.parameters["slope"] > 0
    assert manifest.calibration.fitted_on == "validation images of ham10000 and isic2017"
    assert CONFOUNDED not in manifest.calibration.fitted_on
    recipe = manifest.training.recipe
    assert (recipe["phases"], recipe["epoch_size"], recipe["prevalence"]) == (["48:2"], 192, 0.3)
    assert str(recipe["base"]).startswith("random.weights.h5 (sha256 ")
    assert recipe["split"] == data.split.digest(data.table)
    assert manifest.intended_use == texts.INTENDED_USE
    assert {point.measured_on for point in manifest.operating_points} == {evaluation.DESCRIPTIONS["ham10000"]}
    assert [evaluation.seen_in_training for evaluation in manifest.evaluations.values()] == [False] * 9
    assert list(manifest.evaluations)[-3:] == ["repeatability", "vignettes", "explanation"]


def test_the_probability_is_calibrated_on_what_is_published(published: Published, data: Data) -> None:
    """At the stated prevalence the validation images' mean probability is the prevalence."""
    rows = [
        row
        for row, (image, role) in enumerate(zip(data.table.images, data.split.roles, strict=True))
        if role == "validation" and image.source in {"ham10000", "isic2017"}
    ]
    probability = load(published.classifier, precision="f32").run(np.ascontiguousarray(data.table.pixels[rows]))[
        "probability"
    ]
    malignant = np.array([evaluation.kind_of(data.table.labels[row]) != "benign" for row in rows])
    mean = 0.3 * probability[malignant].mean() + 0.7 * probability[~malignant].mean()
    assert mean == pytest.approx(0.3, abs=0.01)
    points = {point.name: point.threshold for point in published.classifier.manifest.operating_points}
    melanoma = np.array([evaluation.kind_of(data.table.labels[row]) == "melanoma" for row in rows])
    for name, wanted in (("melanoma_sensitivity_90", 0.9), ("melanoma_sensitivity_95", 0.95)):
        assert (probability[melanoma] >= points[name]).mean() >= wanted


def test_novelty_quantiles_are_those_of_the_validation_images(published: Published, data: Data) -> None:
    rows = [row for row, role in enumerate(data.split.roles) if role == "validation"]
    known = load(published.classifier, precision="f32").run(np.ascontiguousarray(data.table.pixels[rows]))["novelty"]
    for quantile, value in published.classifier.manifest.novelty_quantiles.items():
        assert value == pytest.approx(float(np.quantile(known, float(quantile))), abs=1e-3)


def test_the_raw_artifact_is_not_published(published: Published) -> None:
    """It is only there to be calibrated; the published one is the calibrated."""
    raw = load_directory(published.run / "raw")
    pixels = np.full((1, 224, 224, 3), 90, np.uint8)
    calibration = published.classifier.manifest.calibration
    assert calibration is not None
    slope, intercept = calibration.parameters["slope"], calibration.parameters["intercept"]
    logit = load(published.classifier, precision="f32").run(pixels)["logit"][0]
    assert logit == pytest.approx(slope * raw.run(pixels)["logit"][0] + intercept, abs=1e-3)
    assert not [path for path in published.classifier.manifest.files if "raw" in path]


def test_every_kernel_and_bias_was_trained(published: Published, weights: Path) -> None:
    """Through two epochs, a kill, the averaging of the weights and float16."""
    given, trained = build_network(str(weights)), build_network("none")
    load_published(trained, published.classifier.path)
    before, after = (network.get_layer("backbone").get_weights() for network in (given, trained))
    assert len(before) == len(after) == 2 * 27
    for old, new in zip(before, after, strict=True):
        assert (old.astype(np.float16) != new.astype(np.float16)).mean() > 0.01
        assert np.abs(old - new).max() < 0.01  # a dozen steps of 0.0002 take nothing far from where it began


def test_the_files_beside_the_model(published: Published) -> None:
    files = set(published.classifier.manifest.files)
    assert {
        "saved_model.pb",
        "model_card.md",
        "LICENSE",
        "report/roc.png",
        "report/index.html",
        "golden/00.png",
    } <= files
    licence = (published.classifier.path / "LICENSE").read_text("utf-8")
    assert licence == licence_of(published.classifier.manifest.training)
    assert "- ham10000: CC BY-NC 4.0" in licence


def test_no_pixel_of_the_data_is_published(published: Published, data: Data) -> None:
    images = {image.path.read_bytes() for image in data.table.images}
    prepared = {pixels.tobytes() for pixels in np.asarray(data.table.pixels)}
    for version in (published.classifier, published.grader):
        for file in version.path.rglob("*.*"):
            assert file.read_bytes() not in images
            if file.parent.name == "golden":
                assert np.asarray(keras.utils.load_img(file)).tobytes() not in prepared


def test_sources_are_counted(work: Work, data: Data) -> None:
    records = {record.name: record for record in source_records(work)}
    assert list(records) == sorted(records)
    for name, record in records.items():
        roles = [role for image, role in zip(data.table.images, data.split.roles, strict=True) if image.source == name]
        assert record.images == len(roles)
        assert record.training == roles.count("training")
        assert record.validation == roles.count("validation")
        assert record.removed == roles.count("removed")
        assert record.training + record.validation + record.test + record.removed == record.images
        assert record.licence == texts.LICENCES[name]
    assert records["isic-acral"].training == records["melanoma-severity"].training == records["fullres"].training == 0


def test_notes_count_copies_and_contradictions(published: Published, data: Data) -> None:
    notes = " ".join(published.classifier.manifest.training.notes)
    assert f"{2 * len(data.planted.copies)} of 290 images have a copy" in notes
    assert "4 images have copies whose labels contradict each other" in notes
    assert SEEN not in notes


def test_data_that_is_enough(work: Work) -> None:
    check_ready(work)


@pytest.mark.parametrize(
    ("role", "kinds", "message"),
    [
        ("training", ("benign", "malignant", "melanoma"), f"more than {COMPONENTS} are needed"),
        ("validation", ("melanoma",), "no melanoma validation images"),
        ("validation", ("benign",), "no benign validation images"),
        ("validation", (), "no benign and no melanoma validation images"),
    ],
)
def test_data_that_is_not_enough_is_refused_before_training(
    work: Work, role: str, kinds: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ReleaseError, match=message):
        check_ready(_without(work, role, *kinds))


def test_a_source_of_which_nothing_can_be_learned_is_named_with_its_counts(work: Work) -> None:
    check_ready(replace(work, shares={"ham10000": 1.0, "isic2017": 1.0}))
    with pytest.raises(ReleaseError, match=r"^no image of isic-acral can be learned from; its images: external 25$"):
        check_ready(replace(work, shares={"ham10000": 1.0, "isic-acral": 1.0}))
    with pytest.raises(ReleaseError, match="no image of nowhere can be learned from; its images: none"):
        check_ready(replace(work, shares={"nowhere": 1.0}))


def test_without_a_held_out_set_of_both_classes_nothing_is_trained(work: Work, network: keras.Model) -> None:
    nothing = _without(_without(work, "test", "benign"), "external", "benign")
    with pytest.raises(ReleaseError, match="nothing to measure on"):
        check_ready(nothing)
    with pytest.raises(ReleaseError, match="nothing to measure on"):
        release_classifier(network, nothing, None)  # type: ignore[arg-type]  # refused before it is looked at


def _recorded(manifest: Manifest, **changes: object) -> Manifest:
    return manifest.model_copy(update={"training": manifest.training.model_copy(update=changes)})


def test_a_base_with_the_same_roles_has_seen_nothing_that_is_held_out(published: Published, work: Work) -> None:
    base = published.classifier.manifest
    assert not may_have_seen(base, work)
    assert not may_have_seen(_recorded(base, recipe={}), work)  # no digest, but the same numbers in every source


def test_a_base_with_other_roles_may_have_seen_what_is_held_out(published: Published, work: Work) -> None:
    base = published.classifier.manifest
    other = _without(work, "test", "benign")
    assert may_have_seen(base, other)
    assert may_have_seen(_recorded(base, recipe={}), other)
    first = next(iter(base.evaluations.values())).model_copy(update={"seen_in_training": True})
    assert may_have_seen(base.model_copy(update={"evaluations": {"x": first}}), work)  # nor does it forget


def test_the_run_keeps_what_it_was_started_with(published: Published) -> None:
    recipe = json.loads((published.run / "recipe.json").read_text())
    recorded = published.classifier.manifest.training.recipe
    found_at_the_end = {"split", "depths_share", "depths_validation_auc_by_share"}
    assert recipe == {name: value for name, value in recorded.items() if name not in found_at_the_end}
    assert found_at_the_end <= recorded.keys()
    assert json.loads((published.run / "split.json").read_text()) == {"digest": recorded["split"]}
