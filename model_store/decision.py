"""How a model's numbers become a decision; the same for the service and for evaluation.

Numbers that cannot be an answer raise `ImplausibleOutput`. They never become one.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dermoscopy.quality import Measures
from model_store import gate
from model_store.errors import ImplausibleOutput, UnknownOperatingPoint
from model_store.manifest import Issue, Manifest, OperatingPoint

__all__ = [
    "Decision",
    "Grade",
    "ImplausibleOutput",
    "Suspected",
    "UnknownOperatingPoint",
    "decide",
    "grade",
    "grade_caveat",
    "grade_withheld_reason",
]

SUM_TOLERANCE = 1e-3
"""How far probabilities that belong together may be from their sum: float16 weights and bf16 arithmetic come before a
float32 softmax, so only its rounding (about 1e-6) is expected; a thousand times that is a broken model."""


DIFFERENTIAL = 3
"""How many diagnoses a differential names."""


_NEARLY_CERTAIN = 0.9995
"""From here on three digits would read 1.000."""

_PARTS = {"classes": "classes", "probabilities": "classes", "diagnoses": "diagnoses"}


@dataclass(frozen=True)
class Suspected:
    """A diagnosis of the differential: its code, name and ICD-10 codes, and its probability, 0 to 1."""

    code: str
    name: str
    icd10: list[str]
    probability: float


@dataclass(frozen=True)
class Decision:
    """What a classifier says of one image at one operating point.

    Attributes:
        decision: "malignant" when `probability` reaches the operating point's threshold; "abstained" when the image has
            an issue.
        probability: Calibrated probability, 0 to 1, that the lesion is malignant; None when abstained.
        classes: Class -> probability, in the model's order; they sum to 1; None when abstained.
        operating_point: The threshold that was applied and what it was measured to do.
        differential: The likeliest diagnoses, falling; None when abstained, or if the version tells none apart.
        issues: Why the image is unfit; empty when it is fit, None if the version has no gate.
    """

    decision: Literal["benign", "malignant", "abstained"]
    probability: float | None
    classes: dict[str, float] | None
    operating_point: OperatingPoint
    differential: list[Suspected] | None = None
    issues: list[Issue] | None = None


@dataclass(frozen=True)
class Grade:
    """The stage grade that an image resembles most, and the probability, 0 to 1, of each grade."""

    stage: int
    probabilities: dict[str, float]


def decide(
    manifest: Manifest,
    outputs: Mapping[str, NDArray[Any]],
    row: int,
    operating_point: str | None = None,
    *,
    measures: Measures | None = None,
) -> Decision:
    """The decision on one row of a classifier's outputs.

    Args:
        manifest: Of the version that made the outputs.
        outputs: "probability" f32[n], "classes" f32[n, len(manifest.classes)] and, where the manifest names diagnoses,
            "diagnoses" f32[n, len(manifest.diagnoses)]; of what its gate has learned, f32[n] each.
        row: Which image of the batch, 0 to n-1.
        operating_point: Its name; None for the version's default.
        measures: Of the image; only a version without a gate can do without.

    Raises:
        UnknownOperatingPoint: The version has no such operating point.
        ImplausibleOutput: An output is missing, not finite or out of 0 to 1, the classes do not sum to 1, the
            probability is not that of all classes but "benign", or a class is not the sum of its diagnoses.
        ValueError: The version has a gate, and nothing was measured.
    """
    point = point_of(manifest, operating_point)
    classes = _distribution(manifest.classes, outputs, "classes", row)
    probability = _probability(_row(outputs, "probability", row))
    malignant = math.fsum(value for name, value in classes.items() if name != "benign")
    if abs(probability - malignant) > SUM_TOLERANCE:
        raise ImplausibleOutput("The model's probability of malignancy contradicts its class probabilities.")
    differential = _differential(manifest, outputs, row, classes)
    issues = _issues(manifest, outputs, row, measures)
    if issues:
        return Decision("abstained", None, None, point, issues=issues)
    decision: Literal["benign", "malignant"] = "malignant" if probability >= point.threshold else "benign"
    return Decision(decision, probability, classes, point, differential, issues)


def point_of(manifest: Manifest, name: str | None) -> OperatingPoint:
    """The operating point of a classifier that is called so, or its default one where `name` is None.

    Raises:
        UnknownOperatingPoint: It has none of that name.
    """
    wanted = manifest.default_operating_point if name is None else name
    for point in manifest.operating_points:
        if point.name == wanted:
            return point
    known = ", ".join(point.name for point in manifest.operating_points) or "none"
    raise UnknownOperatingPoint(f"{manifest.name}/{manifest.version} has these operating points: {known}.")


def grade(manifest: Manifest, outputs: Mapping[str, NDArray[Any]], row: int) -> Grade:
    """The grade of one row of a grader's outputs; of two equally likely grades the higher one.

    Args:
        manifest: Of the version that made the outputs; its classes are "1", "2", ...
        outputs: "probabilities" f32[n, len(manifest.classes)].
        row: Which image of the batch, 0 to n-1.

    Raises:
        ImplausibleOutput: The output is missing, not finite, out of 0 to 1 or does not sum to 1.
    """
    probabilities = _distribution(manifest.classes, outputs, "probabilities", row)
    stage = max(probabilities, key=lambda name: (probabilities[name], int(name)))
    return Grade(int(stage), probabilities)


def grade_withheld_reason(decision: Decision) -> str | None:
    """Why a grade would mislead: None when the lesion is called malignant and melanoma leads, else a sentence.

    The grades were learned from melanomas only, so of any other lesion they say nothing.
    """
    if decision.classes is None:
        return f"The image is unfit to be classified ({', '.join(decision.issues or [])}), so it is not graded either."
    if decision.decision == "benign":
        return "The lesion was classified as benign; a stage grade has meaning only for a melanoma."
    rivals = {name: value for name, value in decision.classes.items() if name not in {"melanoma", "benign"}}
    leader = max(rivals, key=lambda name: rivals[name], default=None)
    if "melanoma" not in decision.classes or (leader and rivals[leader] >= decision.classes["melanoma"]):
        return "Another malignancy is at least as likely as melanoma; a stage grade has meaning only for a melanoma."
    return None


def grade_caveat(decision: Decision) -> str | None:
    """What must be said beside a grade that is given: why it would be withheld, and that the lesion is likelier benign.

    A threshold that misses few melanomas lies so low that a lesion can be called malignant, with melanoma the likeliest
    malignancy, and still be far likelier benign. Such a grade is given, and would look like one of a melanoma.
    """
    said = [grade_withheld_reason(decision)]
    classes = decision.classes or {}
    benign = classes.get("benign", 0.0)
    if benign > max((value for name, value in classes.items() if name != "benign"), default=1.0):
        said.append(
            f"The lesion is more likely benign (probability {_rounded(benign)}) than a melanoma: the grade only says "
            "what it would resemble if it were one."
        )
    return " ".join(filter(None, said)) or None


def _rounded(probability: float) -> str:
    """With three digits, and never as the certainty that nobody has."""
    return f"{probability:.3f}" if probability < _NEARLY_CERTAIN else "above 0.999"


def _issues(
    manifest: Manifest, outputs: Mapping[str, NDArray[Any]], row: int, measures: Measures | None
) -> list[Issue] | None:
    if manifest.gate is None:
        return None
    if measures is None:
        raise ValueError(f"{manifest.name}/{manifest.version} has a gate: what was measured of the image is missing")
    limits = manifest.gate.limits
    learned = {name: _probability(_row(outputs, name, row)) for name in gate.learned(limits)}
    return gate.issues(limits, gate.values(measures, learned))


def _differential(
    manifest: Manifest, outputs: Mapping[str, NDArray[Any]], row: int, classes: dict[str, float]
) -> list[Suspected] | None:
    if not manifest.diagnoses:
        return None
    found = _distribution(manifest.diagnoses, outputs, "diagnoses", row)
    for name, probability in classes.items():
        inside = math.fsum(found[code] for code, one in manifest.diagnoses.items() if one.class_name == name)
        if abs(inside - probability) > SUM_TOLERANCE:
            raise ImplausibleOutput(f"The model's diagnoses contradict its probability of {name}.")
    likeliest = sorted(found, key=lambda code: found[code], reverse=True)[:DIFFERENTIAL]
    known = manifest.diagnoses
    return [Suspected(code, known[code].name, known[code].icd10, found[code]) for code in likeliest]


def _distribution(
    names: Collection[str], outputs: Mapping[str, NDArray[Any]], output: str, row: int
) -> dict[str, float]:
    values = np.atleast_1d(_row(outputs, output, row))
    if values.shape != (len(names),):
        raise ImplausibleOutput(f"The model's {output} are not one for each of its {len(names)} {_PARTS[output]}.")
    named = {name: _probability(value) for name, value in zip(names, values, strict=True)}
    if abs(math.fsum(named.values()) - 1) > SUM_TOLERANCE:
        raise ImplausibleOutput(f"The model's {output} do not sum to 1.")
    return named


def _row(outputs: Mapping[str, NDArray[Any]], output: str, row: int) -> NDArray[Any]:
    if output not in outputs:
        raise ImplausibleOutput(f"The model returned no {output}.")
    if not 0 <= row < len(outputs[output]):
        raise ImplausibleOutput(f"The model returned {len(outputs[output])} rows of {output}; row {row} is not there.")
    return np.asarray(outputs[output][row])


def _probability(value: NDArray[Any]) -> float:
    if value.shape != ():
        raise ImplausibleOutput(f"The model returned an array of shape {value.shape} where a probability was due.")
    number = float(value)
    if not 0 <= number <= 1:  # also false for NaN
        raise ImplausibleOutput("The model returned a probability that is not between 0 and 1.")
    return number
