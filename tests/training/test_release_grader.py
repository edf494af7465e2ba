import json
from dataclasses import replace

import numpy as np
import pytest

from model_store.decision import grade
from model_store.runtime import load
from model_store.store import Store, StoredVersion
from tests.running_service import ROOT
from tests.training.built import Data, Published
from tests.training.data_root import BARCELONA, SOCIETY
from training.export import load_published
from training.grader import FRAME_PENALTIES, PENALTIES
from training.network import build_network
from training.policies import INVASION
from training.release_grader import _check_same, _saw_none, _seen_by, _sites
from training.stages import read_stages


def test_it_pins_its_classifier(published: Published) -> None:
    pinned = published.grader.manifest.classifier
    assert pinned is not None
    assert (pinned.name, pinned.version, pinned.digest) == ("classifier", 1, published.classifier.digest)


@pytest.mark.parametrize(("version", "same"), [(1, False), (2, True)])
def test_a_grader_is_built_only_on_the_features_that_its_classifier_serves(version: int, same: bool) -> None:
    """classifier/1 was trained behind another front: its weights behind today's give other features."""
    network, classifier = build_network("none"), Store(ROOT / "model_store" / "models").open("classifier", version)
    load_published(network, classifier.path)
    if same:
        _check_same(network, classifier)
    else:
        with pytest.raises(ValueError, match="classifier/1 was made for other inputs"):
            _check_same(network, classifier)


def test_it_grades(published: Published, data: Data) -> None:
    rows = read_stages(data.table).rows[::6]
    outputs = load(published.grader).run(np.ascontiguousarray(data.table.pixels[rows]))
    assert outputs["probabilities"].sum(axis=1) == pytest.approx(1, abs=1e-6)
    for row in range(len(rows)):
        found = grade(published.grader.manifest, outputs, row)
        assert found.probabilities[str(found.stage)] == max(found.probabilities.values())


def test_every_grade_says_how_well_the_data_supports_it(published: Published) -> None:
    manifest = published.grader.manifest
    assert list(manifest.classes) == list(manifest.evidence) == ["1", "2", "3"]
    assert manifest.evidence["1"].startswith(f"12 images, 12 of them from one place ({SOCIETY}).")
    assert manifest.evidence["2"].startswith(f"20 images, 14 of them from one place ({SOCIETY}).")
    assert manifest.evidence["3"].startswith(f"9 images, 9 of them from one place ({BARCELONA});")
    fair = manifest.evaluations["in-situ-vs-invasive"].metrics
    for evidence in (manifest.evidence["1"], manifest.evidence["2"]):
        assert f"AUC of {fair['auc'].value:.2f}" in evidence
        assert f"alone reaches {fair['auc_of_frame_only_baseline'].value:.2f}" in evidence
    three = manifest.evaluations["three-grades"].metrics
    assert f"accuracy of {three['balanced_accuracy_of_frame_only_baseline'].value:.2f}" in manifest.evidence["3"]


def test_figures_come_with_the_baseline_and_are_called_out_of_fold(published: Published) -> None:
    manifest = published.grader.manifest
    for evaluation in manifest.evaluations.values():
        assert any(name.endswith("_of_frame_only_baseline") for name in evaluation.metrics)
        assert "out of fold" in evaluation.description
    assert (manifest.evaluations["in-situ-vs-invasive"].images, manifest.evaluations["three-grades"].images) == (26, 41)
    assert "cannot be told from recognising the source" in manifest.evaluations["three-grades"].description


def test_the_manifest_says_what_was_done(published: Published) -> None:
    manifest = published.grader.manifest
    recipe = manifest.training.recipe
    assert recipe["base"] == "classifier/1"
    assert recipe["penalties"] == list(PENALTIES)
    assert recipe["penalties_of_frame_only_baseline"] == list(FRAME_PENALTIES)
    (source,) = manifest.training.sources
    assert (source.name, source.images, source.training, source.removed) == ("melanoma-severity", 41, 41, 0)
    assert manifest.label_policy == INVASION.text
    assert recipe["label_policy"] == "invasion"
    assert manifest.operating_points == []
    assert manifest.calibration is None
    notes = " ".join(manifest.training.notes)
    assert f"learned from 26 images of the {SOCIETY} alone" in notes
    assert "artifact itself was then trained on all images" in notes


def _with_source(version: StoredVersion, **changes: int) -> StoredVersion:
    record = next(s for s in version.manifest.training.sources if s.name == "melanoma-severity")
    training = version.manifest.training.model_copy(update={"sources": [record.model_copy(update=changes)]})
    manifest = version.manifest.model_copy(update={"training": training})
    return StoredVersion(version.name, version.version, version.path, manifest, version.digest)


def _graded(version: StoredVersion) -> dict[str, int]:
    return {one.name: one.images for one in version.manifest.training.sources if one.name == "melanoma-severity"}


def test_whether_the_classifier_saw_the_images_is_what_its_manifest_says(published: Published) -> None:
    graded = _graded(published.classifier)
    assert "saw none of these images" in _seen_by(published.classifier, graded)
    assert _seen_by(published.classifier, graded) in published.grader.manifest.training.notes
    assert "is not known" in _seen_by(_with_source(published.classifier, training=3), graded)
    assert "is not known" in _seen_by(_with_source(published.classifier, validation=3), graded)
    training = published.classifier.manifest.training.model_copy(update={"sources": []})
    manifest = published.classifier.manifest.model_copy(update={"training": training})
    other = StoredVersion("classifier", 1, published.classifier.path, manifest, published.classifier.digest)
    assert "is not known" in _seen_by(other, graded)
    later = {name: count + 1 for name, count in graded.items()}
    assert "is not known" in _seen_by(published.classifier, later)
    assert not any(evaluation.seen_in_training for evaluation in published.grader.manifest.evaluations.values())


def test_a_classifier_that_went_on_from_one_with_other_roles_may_have_seen_the_images(published: Published) -> None:
    """Its own counts say nothing of what that one learned from."""
    classifier, graded = published.classifier, _graded(published.classifier)
    evaluations = {
        name: evaluation.model_copy(update={"seen_in_training": True})
        for name, evaluation in classifier.manifest.evaluations.items()
    }
    manifest = classifier.manifest.model_copy(update={"evaluations": evaluations})
    other = StoredVersion(classifier.name, classifier.version, classifier.path, manifest, classifier.digest)
    assert not _saw_none(other, graded)
    assert _saw_none(classifier, graded)


def test_the_features_are_those_of_the_published_classifier(published: Published) -> None:
    """Backbone for backbone: the grader's weights are the classifier's, bit for bit."""
    import tensorflow as tf  # noqa: PLC0415  # only this test looks inside

    classifier, grader = (tf.saved_model.load(str(v.path)) for v in (published.classifier, published.grader))
    assert len(classifier.weights) == len(grader.weights) == 2 * 27
    for mine, theirs in zip(grader.weights, classifier.weights, strict=True):
        assert (mine.numpy() == theirs.numpy()).all()


def test_only_its_own_label_was_moved(published: Published) -> None:
    labels = json.loads((published.state / "labels.json").read_text())
    assert list(labels) == ["grader"]
    assert labels["grader"]["stable"] == {"version": 1, "digest": published.grader.digest}


def test_where_images_are_from_is_not_made_up(data: Data) -> None:
    stages = read_stages(data.table)
    nowhere = [replace(image, facts=image.facts | {"attribution": ""}) for image in data.table.images]
    told = "12 images, of 12 it is not recorded where they are from"
    assert _sites(stages, replace(data.table, images=nowhere), 0) == told
    some = [replace(image, facts=image.facts | {"attribution": "NA"}) if image.path.stem == "ISIC_0070000" else image
            for image in data.table.images]  # fmt: skip
    told = f"12 images, 11 of them from one place ({SOCIETY}), of 1 it is not recorded where they are from"
    assert _sites(stages, replace(data.table, images=some), 0) == told
