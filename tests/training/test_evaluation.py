from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from model_store.runtime import Runtime, load_directory
from tests.training.built import Data
from tests.training.data_root import BARCELONA, SOCIETY
from training import evaluation, metrics
from training.evaluation import (
    Evaluated,
    by_people,
    evaluate,
    kind_of,
    measure,
    people_of,
    test_rows,
    test_sets,
    validation_set,
)
from training.images import Clinical
from training.labels import BENIGN, MALIGNANT, MELANOMA
from training.metrics import auc, threshold_for_sensitivity
from training.splits import Split

# pytest would collect them as tests of this module.
held_out_rows, held_out_sets = test_rows, test_sets
del test_rows, test_sets


@pytest.fixture(scope="module")
def runtime(exported: Path) -> Runtime:
    return load_directory(exported)


@pytest.fixture(scope="module")
def sets(runtime: Runtime, data: Data) -> dict[str, Evaluated]:
    return held_out_sets(runtime, data.table, data.split)


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "REPEATS", 30)


def _evaluated(kinds: list[str], probability: list[float], **changes: Any) -> Evaluated:
    count = len(kinds)
    logit = np.log(np.array(probability) / (1 - np.array(probability)))
    base = Evaluated(
        "painted", np.array(kinds), np.array(probability), logit, np.arange(count), np.ones(count, bool),
        np.array([""] * count),
    )  # fmt: skip
    return replace(base, **changes)


def _set(seed: int = 0, count: int = 400) -> Evaluated:
    random = np.random.default_rng(seed)
    kinds = random.choice(["melanoma", "other_malignant", "benign"], count, p=[0.2, 0.2, 0.6])
    logit = random.normal(0, 1, count) + np.where(kinds == "benign", -1.0, 1.0)
    return _evaluated(kinds.tolist(), (1 / (1 + np.exp(-logit))).tolist())


def test_kind_of() -> None:
    assert kind_of(MELANOMA) == "melanoma"
    assert kind_of(frozenset({"akiec"})) == "other_malignant"
    assert kind_of(MALIGNANT) == "malignant"
    assert kind_of(frozenset({"nv"})) == "benign"
    for label in (frozenset[str](), frozenset({"mel", "nv"})):
        with pytest.raises(ValueError, match="does not say benign or malignant"):
            kind_of(label)


def test_an_artifact_is_run_over_the_rows(runtime: Runtime, data: Data) -> None:
    rows = [data.row("ham10000/ISIC_0024306"), data.row("isic-acral/ISIC_0050002"), data.row("fullres/ISIC_0090001")]
    found = evaluate(runtime, data.table, rows, [data.table.images[row].label for row in rows], "three")
    assert found.kinds.tolist() == ["melanoma", "melanoma", "benign"]
    assert found.malignant.tolist() == [True, True, False]
    assert found.sites.tolist() == ["", BARCELONA, ""]
    assert found.histology.tolist() == [True, True, False]
    assert found.lesions.tolist() == data.table.lesions[rows].tolist()
    expected = runtime.run(np.ascontiguousarray(data.table.pixels[rows]))
    assert found.probability.tolist() == expected["probability"].astype(np.float64).tolist()
    assert found.logit.tolist() == expected["logit"].astype(np.float64).tolist()


def test_the_sets_are_held_out_and_labelled_by_their_own_source(sets: dict[str, Evaluated], data: Data) -> None:
    assert list(sets) == [
        "melanoma10000",
        "ham10000",
        "isic-acral",
        "isic-acral-dermoscopy-society",
        "isic-acral-barcelona",
    ]
    assert len(sets["melanoma10000"].kinds) == 16
    # A copy at HAM10000 knows that it is a melanoma; its own source said no more than malignant.
    assert set(sets["melanoma10000"].kinds.tolist()) == {"benign", "malignant"}
    assert len(sets["isic-acral"].kinds) == 24  # without the one whose diagnosis is open
    learned = {
        int(group)
        for group, role in zip(data.table.lesions, data.split.roles, strict=True)
        if role in {"training", "validation"}
    }
    for found in sets.values():
        assert not learned & set(found.lesions.tolist())


def test_inside_one_hospital(sets: dict[str, Evaluated]) -> None:
    for name, site in (("dermoscopy-society", SOCIETY), ("barcelona", BARCELONA)):
        found = sets[f"isic-acral-{name}"]
        assert set(found.sites.tolist()) == {site}
        assert len(found.kinds) == 12
        assert site in found.description


def test_a_set_of_one_class_measures_nothing(runtime: Runtime, data: Data) -> None:
    roles = data.split.roles.copy()
    for row, image in enumerate(data.table.images):
        if image.source == "ham10000" and roles[row] == "test" and image.label <= MALIGNANT:
            roles[row] = "removed"
        if image.source == "isic-acral" and image.label <= BENIGN and image.facts["attribution"] == SOCIETY:
            roles[row] = "removed"
    changed = Split(roles)
    assert list(held_out_rows(data.table, changed)) == ["melanoma10000", "isic-acral"]
    assert list(held_out_sets(runtime, data.table, changed)) == ["melanoma10000", "isic-acral", "isic-acral-barcelona"]


def test_a_source_of_another_name_is_measured_too(data: Data) -> None:
    images = [
        replace(image, source="clinic") if image.source == "melanoma10000" else image for image in data.table.images
    ]
    table = replace(data.table, images=images)
    assert len(held_out_rows(table, data.split)["clinic"]) == 16


def test_the_validation_set_has_settled_labels(runtime: Runtime, data: Data) -> None:
    found = validation_set(runtime, data.table, data.split, ("ham10000", "isic2017"))
    rows = [
        row
        for source in ("ham10000", "isic2017")
        for row, (image, role) in enumerate(zip(data.table.images, data.split.roles, strict=True))
        if role == "validation" and image.source == source
    ]
    assert found.kinds.tolist() == [kind_of(data.table.labels[row]) for row in rows]
    assert found.description == "validation images of ham10000 and isic2017"


def test_a_subset_keeps_rows_together() -> None:
    whole = _set()
    chosen = whole.kinds == "melanoma"
    part = whole.subset(chosen, "melanomas")
    assert part.description == "melanomas"
    assert part.melanoma.all()
    for field in ("probability", "logit", "lesions", "histology", "sites"):
        assert (getattr(part, field) == getattr(whole, field)[chosen]).all()


def test_figures_of_a_set_with_all_three_classes() -> None:
    data = _set()
    found = measure(data, 0.2, {"point": 0.4})
    figures = {name: measured.value for name, measured in found.metrics.items()}
    malignant, melanoma = data.kinds != "benign", data.kinds == "melanoma"
    called, pair = data.probability >= 0.4, data.kinds != "other_malignant"
    assert figures["auc_malignant_vs_benign"] == pytest.approx(auc(malignant, data.probability), abs=1e-4)
    assert figures["auc_melanoma_vs_benign"] == pytest.approx(auc(melanoma[pair], data.probability[pair]), abs=1e-4)
    assert figures["sensitivity@point"] == pytest.approx(called[malignant].mean(), abs=1e-4)
    assert figures["specificity@point"] == pytest.approx((~called[~malignant]).mean(), abs=1e-4)
    assert figures["melanoma_sensitivity@point"] == pytest.approx(called[melanoma].mean(), abs=1e-4)
    other = data.kinds == "other_malignant"
    assert figures["other_malignant_called_benign@point"] == pytest.approx((~called[other]).mean(), abs=1e-4)
    threshold = threshold_for_sensitivity(melanoma, data.probability, 0.9)
    missed = (data.probability[other] < threshold).mean()
    name = "other_malignant_called_benign_at_90_melanoma_sensitivity_on_this_set"
    assert figures[name] == pytest.approx(missed, abs=1e-4)
    assert (found.images, found.positives, found.groups) == (400, int(malignant.sum()), 400)
    assert not found.seen_in_training
    for measured in found.metrics.values():
        assert measured.low <= measured.value <= measured.high


def test_melanoma_is_not_measured_where_malignancy_is_not_specified() -> None:
    data = _evaluated(["melanoma", "malignant", "benign", "benign"], [0.9, 0.8, 0.2, 0.1])
    assert not [name for name in measure(data, 0.2, {"p": 0.5}).metrics if "melanoma" in name]


def test_histology_only_leaves_out_what_was_never_biopsied() -> None:
    kinds = ["melanoma", "melanoma", "benign", "benign", "benign", "benign"] * 6
    probability = [0.9, 0.6, 0.7, 0.65, 0.1, 0.05] * 6
    easy = np.array([True, True, True, True, False, False] * 6)
    figures = measure(_evaluated(kinds, probability, histology=easy), 0.2, {}).metrics
    assert figures["auc_melanoma_vs_benign"].value == pytest.approx(0.75)
    assert figures["auc_melanoma_vs_benign_histology_only"].value == pytest.approx(0.5)
    without = _evaluated(kinds, probability, histology=np.zeros(36, bool))
    assert "auc_melanoma_vs_benign_histology_only" not in measure(without, 0.2, {}).metrics


def test_the_class_melanoma_is_measured_against_everything_else() -> None:
    data = _set()
    other = data.kinds == "other_malignant"
    name = "auc_melanoma_class_vs_all_others"
    assert name not in measure(data, 0.2, {}).metrics
    own = np.where(other, 0.0, data.probability)  # other malignancies are told from melanoma, whatever their malignancy
    asked = replace(data, melanoma_probability=own)
    figures = measure(asked, 0.2, {}).metrics
    assert figures[name].value == pytest.approx(auc(data.melanoma, own), abs=1e-4)
    assert figures[name].value > auc(data.melanoma, data.probability)
    biopsied = data.histology
    expected = auc(data.melanoma[biopsied], own[biopsied])
    assert figures[f"{name}_histology_only"].value == pytest.approx(expected, abs=1e-4)
    part = asked.subset(other, "others")
    assert part.melanoma_probability is not None
    assert not part.melanoma_probability.any()


def test_intervals_are_over_lesions() -> None:
    data = _set(count=120)
    columns = ("kinds", "probability", "logit", "lesions", "histology", "sites")
    changes: dict[str, Any] = {name: np.repeat(getattr(data, name), 8) for name in columns}
    repeated = replace(data, **changes)
    alone, copied = (measure(found, 0.2, {}).metrics["auc_malignant_vs_benign"] for found in (data, repeated))
    assert copied.value == pytest.approx(alone.value, abs=1e-4)
    assert copied.high - copied.low > 0.6 * (alone.high - alone.low)
    assert measure(repeated, 0.2, {}).groups == 120


def test_calibration_error_is_that_at_the_prevalence() -> None:
    data = _set(count=1500)
    balanced = float((data.kinds != "benign").mean())
    logit = data.logit
    shift = np.log(0.1 / 0.9) - np.log(balanced / (1 - balanced))

    def error(logits: NDArray[np.float64], prevalence: float) -> float:
        moved = replace(data, probability=1 / (1 + np.exp(-logits)))
        return measure(moved, prevalence, {}).metrics["calibration_error"].value

    assert error(2 * logit + np.log(balanced / (1 - balanced)), balanced) < 0.05
    assert error(2 * logit + np.log(balanced / (1 - balanced)) + shift, 0.1) < 0.05
    assert error(2 * logit + np.log(balanced / (1 - balanced)) + shift, balanced) > 0.1


def test_every_described_set_is_a_known_source() -> None:
    assert set(evaluation.DESCRIPTIONS) == {"melanoma10000", "ham10000", "isic-acral"}


@pytest.mark.parametrize(
    ("clinical", "groups"),
    [
        (Clinical(age=39.0, sex="male"), {"age-under-40", "sex-male"}),
        (
            Clinical(age=40.0, sex="female", site="lower extremity"),
            {"age-40-to-59", "sex-female", "site-lower-extremity"},
        ),
        (Clinical(age=85.0, site="head/neck", skin_type="II"), {"age-60-and-over", "site-head-neck", "skin-type-ii"}),
        (Clinical(site="Нижняя конечность"), {"site-нижняя-конечность"}),
        (Clinical(site="Голова"), {"site-голова"}),
        (Clinical(site="???"), set()),
        (Clinical(sex="unknown", site="unknown"), set()),
        (Clinical(age=float("nan"), site="NA", skin_type="none"), set()),
        (Clinical(), set()),
    ],
)
def test_people_and_places(clinical: Clinical, groups: set[str]) -> None:
    assert people_of(clinical) == groups


def test_a_group_is_a_set_of_its_own_if_it_has_enough_lesions_of_both_kinds() -> None:
    whole = _set(3)
    sexes = ["sex-male" if number % 2 else "sex-female" for number in range(400)]
    few = [frozenset({sex, "age-under-40"} if number < 30 else {sex}) for number, sex in enumerate(sexes)]
    found = by_people({"clinic": replace(whole, people=tuple(few))})
    assert list(found) == ["clinic-sex-female", "clinic-sex-male"]
    female = found["clinic-sex-female"]
    assert female.description.endswith("; only sex female")
    assert len(female.kinds) == len(female.people) == 200
    assert female.probability.tolist() == whole.probability[::2].tolist()
    assert by_people({"clinic": whole}) == {}
