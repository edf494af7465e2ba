"""Measures a classifier's exported artifact on the evaluation sets, with confidence intervals over lesions."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_store.manifest import Evaluation
from model_store.runtime import Runtime
from training.differential import Differential, differential_of, differential_statistics
from training.images import Clinical, recorded
from training.labels import CLASSES, MALIGNANT, Label, class_of
from training.metrics import (
    Bools,
    Floats,
    Share,
    auc,
    bootstrap,
    expected_calibration_error,
    prevalence_weights,
    share,
    threshold_for_sensitivity,
)
from training.scoring import score
from training.splits import Split
from training.table import Table


def kind_of(label: Label) -> str:
    """A class of the answer, or "malignant" where a label says no more than that.

    Raises:
        ValueError: The label leaves open whether the lesion is malignant.
    """
    kind = class_of(label) or ("malignant" if label and label <= MALIGNANT else None)
    if kind is None:
        raise ValueError(f"label {sorted(label)} does not say benign or malignant")
    return kind


@dataclass(frozen=True)
class Evaluated:
    """One evaluation set with what the artifact said of it, row for row.

    Attributes:
        description: What the set is, in a phrase.
        kinds: "melanoma", "other_malignant", "benign" or (unspecified) "malignant".
        probability: float64[n], calibrated, of malignant.
        logit: float64[n], its logit.
        lesions: int64[n], images with the same number show the same lesion or patient.
        histology: bool[n], histology confirmed the diagnosis.
        sites: The hospital or society of each image, "" where not recorded.
        people: Age group, sex, place on the body and skin type of each image as "age-under-40" and so on.
        differential: Where the labelled diagnoses stand in the version's differential, if it has one.
        melanoma_probability: float64[n], of the class melanoma; None where it was not asked for.
    """

    description: str
    kinds: NDArray[np.str_]
    probability: Floats
    logit: Floats
    lesions: NDArray[np.int64]
    histology: Bools
    sites: NDArray[np.str_]
    people: tuple[frozenset[str], ...] = ()
    differential: Differential | None = None
    melanoma_probability: Floats | None = None

    @property
    def malignant(self) -> Bools:
        """bool[n]: melanoma, another malignancy, or one that is not specified."""
        return np.asarray(self.kinds != "benign")

    @property
    def melanoma(self) -> Bools:
        """bool[n]: labelled melanoma."""
        return np.asarray(self.kinds == "melanoma")

    def subset(self, rows: Bools, description: str) -> Evaluated:
        """The rows that are marked, as a set of their own."""
        return Evaluated(
            description,
            self.kinds[rows],
            self.probability[rows],
            self.logit[rows],
            self.lesions[rows],
            self.histology[rows],
            self.sites[rows],
            tuple(person for person, chosen in zip(self.people, rows.tolist(), strict=False) if chosen),
            self.differential.subset(rows) if self.differential else None,
            None if self.melanoma_probability is None else self.melanoma_probability[rows],
        )


def evaluate(runtime: Runtime, table: Table, rows: list[int], labels: list[Label], description: str) -> Evaluated:
    """Run the artifact over rows of the table.

    Args:
        runtime: The loaded artifact.
        table: The images.
        rows: Which of them.
        labels: The label of each of the rows.
        description: What the set is; also the progress bar's text.
    """
    outputs = score(runtime, table.pixels, rows, description)
    images = [table.images[row] for row in rows]
    return Evaluated(
        description,
        np.array([kind_of(label) for label in labels]),
        outputs["probability"].astype(np.float64),
        outputs["logit"].astype(np.float64),
        table.lesions[rows],
        np.array([image.clinical.histology for image in images]),
        np.array([image.facts.get("attribution", "") for image in images]),
        tuple(people_of(image.clinical) for image in images),
        differential_of(outputs, labels),
        outputs["classes"][:, list(CLASSES).index("melanoma")].astype(np.float64),
    )


def validation_set(runtime: Runtime, table: Table, split: Split, sources: tuple[str, ...]) -> Evaluated:
    """The validation images of the given sources, with their settled labels."""
    rows = [row for source in sources for row in split.rows("validation", source, table)]
    labels = [table.labels[row] for row in rows]
    return evaluate(runtime, table, rows, labels, f"validation images of {' and '.join(sources)}")


def validation_sets(runtime: Runtime, table: Table, split: Split) -> list[Evaluated]:
    """The validation images of each source alone, of all sources that have some."""
    sources = [source for source, count in split.counts(table).items() if count["validation"]]
    return [validation_set(runtime, table, split, (source,)) for source in sorted(sources)]


_AGES = (("under-40", 40.0), ("40-to-59", 60.0), ("60-and-over", float("inf")))
_LEAST_LESIONS = 20

DESCRIPTIONS = {
    "melanoma10000": "melanoma10000's own test split; its two classes come from different collections",
    "ham10000": "held-out lesions of HAM10000, all their copies removed from training",
    "isic-acral": "palms and soles (ISIC Archive), a source that training never saw",
}
"""What the known sets are; another source's is called its held-out images."""


def test_rows(table: Table, split: Split) -> dict[str, list[int]]:
    """The held-out rows of each source whose label says benign or malignant, if it has both."""
    found = {}
    for name in dict.fromkeys([*DESCRIPTIONS, *sorted({image.source for image in table.images})]):
        held_out = [row for role in ("test", "external") for row in split.rows(role, name, table)]
        rows = [row for row in held_out if table.images[row].label]
        if len({kind_of(table.images[row].label) == "benign" for row in rows}) == 2:
            found[name] = rows
    return found


def test_sets(runtime: Runtime, table: Table, split: Split, *, seen: bool = False) -> dict[str, Evaluated]:
    """The sets that a version is measured on; labels are those of the source itself.

    Args:
        runtime: The loaded artifact.
        table: The images.
        split: Their roles.
        seen: Whether the version may have learned from images that are held out here: answers say on what their
            operating point was measured, and must not claim more.
    """
    found = {}
    for name, rows in test_rows(table, split).items():
        description = DESCRIPTIONS.get(name, f"held-out images of {name}, all their copies removed from training")
        if seen:
            description = f"held-out images of {name}, of which training may have seen some"
        found[name] = evaluate(runtime, table, rows, [table.images[row].label for row in rows], description)
    return found | _by_site(found)


def _by_site(found: dict[str, Evaluated]) -> dict[str, Evaluated]:
    """The larger hospitals of the external set, on their own: inside one, the camera cannot tell the class."""
    whole = found.get("isic-acral")
    if whole is None:
        return {}
    parts = {
        "isic-acral-dermoscopy-society": ("International Dermoscopy Society", "International Dermoscopy Society"),
        "isic-acral-barcelona": ("Barcelona", "Hospital Clínic de Barcelona"),
    }
    subsets = {
        name: whole.subset(np.char.find(whole.sites, key) >= 0, f"palms and soles from {label} only")
        for name, (key, label) in parts.items()
    }
    return {name: data for name, data in subsets.items() if data.malignant.any() and not data.malignant.all()}


def people_of(clinical: Clinical) -> frozenset[str]:
    """The groups of people and places on the body that an image belongs to, as far as its source records them."""
    groups = {f"sex-{clinical.sex}"} if clinical.sex in ("male", "female") else set()
    if clinical.age is not None:
        # An age that is no number is below none of them.
        groups.update([f"age-{name}" for name, below in _AGES if clinical.age < below][:1])
    for kind, text in (("site", clinical.site), ("skin-type", clinical.skin_type)):
        if recorded(text):
            words = re.findall(r"[^\W_]+", text.casefold())  # in any script
            groups.update([f"{kind}-{'-'.join(words)}"] if words else [])
    return frozenset(groups)


def by_people(found: dict[str, Evaluated]) -> dict[str, Evaluated]:
    """Groups of people and places, each as a set, where a set has enough malignant and benign lesions of them."""
    parts = {}
    for name, whole in found.items():
        for group in sorted(set().union(*whole.people)):
            chosen = np.array([group in person for person in whole.people])
            lesions = [len(np.unique(whole.lesions[chosen & kind])) for kind in (whole.malignant, ~whole.malignant)]
            if min(lesions) >= _LEAST_LESIONS:
                parts[f"{name}-{group}"] = whole.subset(chosen, f"{whole.description}; only {group.replace('-', ' ')}")
    return parts


def measure(data: Evaluated, prevalence: float, thresholds: dict[str, float], *, seen: bool = False) -> Evaluation:
    """All figures of one set.

    Args:
        data: The set.
        prevalence: For which the probabilities are calibrated; calibration error is measured at it.
        thresholds: Operating point -> threshold.
        seen: Whether some of the images may have been learned from.
    """
    statistics = _statistics(data, prevalence, thresholds)
    if data.melanoma.any() and not (data.kinds == "malignant").any():
        statistics |= _melanoma_statistics(data, thresholds) | _melanoma_class_statistics(data)
    if data.differential is not None:
        statistics |= differential_statistics(data.differential)
    return Evaluation(
        description=data.description,
        images=len(data.kinds),
        positives=int(data.malignant.sum()),
        groups=len(np.unique(data.lesions)),
        metrics={name: bootstrap(statistic, data.lesions) for name, statistic in statistics.items()},
        seen_in_training=seen,
    )


Statistic = Callable[[NDArray[np.int64]], float]


def _statistics(data: Evaluated, prevalence: float, thresholds: dict[str, float]) -> dict[str, Statistic]:
    """Figures that need no more than benign or malignant."""
    positive, probability = data.malignant, data.probability
    found: dict[str, Statistic] = {
        "auc_malignant_vs_benign": lambda rows: auc(positive[rows], probability[rows]),
        "calibration_error": lambda rows: _calibration_error(positive[rows], probability[rows], prevalence),
    }
    for name, threshold in thresholds.items():
        called = probability >= threshold
        found[f"sensitivity@{name}"] = Share(called, positive)
        found[f"specificity@{name}"] = Share(~called, ~positive)
    return found


def _calibration_error(positive: Bools, probability: Floats, prevalence: float) -> float:
    if positive.all() or not positive.any():
        return float("nan")
    return expected_calibration_error(positive, probability, prevalence_weights(positive, prevalence))


def _melanoma_statistics(data: Evaluated, thresholds: dict[str, float]) -> dict[str, Statistic]:
    """Figures that need to know which malignancies are melanomas."""
    melanoma, other, probability = data.melanoma, data.kinds == "other_malignant", data.probability
    pair = melanoma | ~data.malignant

    def melanoma_auc(rows: NDArray[np.int64]) -> float:
        rows = rows[pair[rows]]
        return auc(melanoma[rows], probability[rows])

    def others_missed(rows: NDArray[np.int64]) -> float:
        if not melanoma[rows].any():
            return float("nan")
        threshold = threshold_for_sensitivity(melanoma[rows], probability[rows], 0.9)
        return share(probability[rows][other[rows]] < threshold)

    found: dict[str, Statistic] = {"auc_melanoma_vs_benign": melanoma_auc}
    if (data.histology & melanoma).any() and (data.histology & ~data.malignant).any():
        found["auc_melanoma_vs_benign_histology_only"] = lambda rows: melanoma_auc(rows[data.histology[rows]])
    for name, threshold in thresholds.items():
        called = probability >= threshold
        found[f"melanoma_sensitivity@{name}"] = Share(called, melanoma)
        if other.any():
            found[f"other_malignant_called_benign@{name}"] = Share(~called, other)
    if other.any():
        found["other_malignant_called_benign_at_90_melanoma_sensitivity_on_this_set"] = others_missed
    return found


def _melanoma_class_statistics(data: Evaluated) -> dict[str, Statistic]:
    """What the literature calls the AUC of melanoma: the class's own probability, against everything else."""
    melanoma, probability = data.melanoma, data.melanoma_probability
    if probability is None or melanoma.all():
        return {}
    name = "auc_melanoma_class_vs_all_others"
    found: dict[str, Statistic] = {name: lambda rows: auc(melanoma[rows], probability[rows])}
    if (data.histology & melanoma).any() and (data.histology & ~melanoma).any():
        found[f"{name}_histology_only"] = lambda rows: found[name](rows[data.histology[rows]])
    return found
