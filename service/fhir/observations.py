"""What the classifier says of an image, as Observations: probability, decision, classes, diagnoses, quality."""

from collections.abc import Iterator
from dataclasses import dataclass

from service.answers import AtPrevalence, Classification, ClassifyAnswer, OperatingPointInfo
from service.fhir.codes import ASSERTED_BY_AI, IMAGING, PROBABILITY, absent, own
from service.fhir.elements import CodeableConcept, Reference, concept, percent
from service.fhir.resources import Entry, Observation, Valued
from service.places import places_of, rounded
from service.prevalence import in_words

Classified = ClassifyAnswer | Classification

MALIGNANT = "Probability that the lesion is malignant (melanoma, another skin cancer or a precursor)"


@dataclass(frozen=True)
class Said:
    """What all statements of one model about one image have in common.

    Attributes:
        by: The model.
        issued: When, as a FHIR instant.
        note: What the model is intended for.
    """

    by: Reference
    issued: str
    note: str

    def observation(self, code: CodeableConcept) -> Observation:
        """One without a value yet."""
        return {
            "resourceType": "Observation",
            "meta": {"security": [ASSERTED_BY_AI]},
            "status": "preliminary",
            "category": [concept("Imaging", IMAGING)],
            "code": code,
            "issued": self.issued,
            "device": self.by,
            "note": [{"text": self.note}],
        }


def classified(decided: Classified, said: Said) -> Iterator[Entry[Observation]]:
    """The Observations of a classification; of an abstained one probability and decision have no value."""
    probability = Entry(_probability(decided, said))
    yield probability
    yield Entry(_decision(decided, said, probability.reference))
    if decided.at_prevalence is not None:
        yield Entry(_at_prevalence(decided.at_prevalence, said))
    if decided.classes is not None:
        yield Entry(_shares("class-probabilities", "Probability of each class", decided.classes, said))
    if decided.differential is not None:
        yield Entry(_differential(decided, said))
    if decided.quality is not None:
        yield Entry(_quality(decided, said))


def rule(point: OperatingPointInfo, probability: float | None = None) -> str:
    """The operating point in words, beside the probability that it is about, if there is one."""
    melanomas = ""
    if point.melanoma_sensitivity is not None and point.melanoma_sensitivity_ci is not None:
        melanomas = f"of melanomas alone {_measured(point.melanoma_sensitivity, point.melanoma_sensitivity_ci)}, "
    return (
        f"Called malignant from a probability of {told(point.threshold, point, probability)} on: "
        f"operating point {point.name}, sensitivity {_measured(point.sensitivity, point.sensitivity_ci)}, {melanomas}"
        f"specificity {_measured(point.specificity, point.specificity_ci)}, measured on: {point.measured_on}"
    )


def told(share: float, point: OperatingPointInfo, probability: float | None) -> str:
    """The threshold of an operating point, or the probability, so that the two do not read the same unless they are."""
    return rounded(share, places_of(probability, point.threshold))


def calibrated(prevalence: float | None) -> str:
    """For which prevalence a probability is meant, to be said behind it; nothing where that is not known."""
    return "" if prevalence is None else f", calibrated for a prevalence of {100 * prevalence:.4g} %"


def _measured(value: float, ends: tuple[float, float]) -> str:
    low, high = (rounded(end, 3) for end in ends)
    return f"{rounded(value, 3)} (95 % CI {low} to {high})"


def _abstained(decided: Classified) -> CodeableConcept:
    issues = [] if decided.quality is None else decided.quality.issues
    return absent("unknown", f"The service abstained: {', '.join(issues) or 'the image is not fit to be classified'}")


def _probability(decided: Classified, said: Said) -> Observation:
    made = said.observation(concept(MALIGNANT, PROBABILITY))
    if decided.probability is None:
        made["dataAbsentReason"] = _abstained(decided)
    else:
        made["valueQuantity"] = percent(decided.probability)
        # In words only: a `high` belongs to its range in FHIR, and a probability that reaches the threshold does not.
        made["referenceRange"] = [{"text": rule(decided.operating_point, decided.probability)}]
        if decided.calibrated_for_prevalence is not None:
            code = own("calibrated-for", "Prevalence of malignant lesions for which the probability is calibrated")
            made["component"] = [{"code": code, "valueQuantity": percent(decided.calibrated_for_prevalence)}]
    return made


def _decision(decided: Classified, said: Said, probability: Reference) -> Observation:
    point = decided.operating_point
    made = said.observation(own("decision", "Decision at the operating point; no diagnosis"))
    made["derivedFrom"] = [probability]
    # A name may be any text, and a code has no white space at its ends and no two in a row.
    made["method"] = own(f"operating-point-{'-'.join(point.name.split())}", f"Operating point {point.name}")
    if decided.decision == "abstained":
        made["dataAbsentReason"] = _abstained(decided)
    else:
        made["valueCodeableConcept"] = own(
            decided.decision, f"looks {decided.decision} at the operating point", decided.decision
        )
    low, high = "95 % confidence interval of the sensitivity", "95 % confidence interval of the specificity"
    made["component"] = [
        {"code": own("threshold", "Called malignant from here on"), "valueQuantity": percent(point.threshold)},
        {"code": own("sensitivity", "Sensitivity"), "valueQuantity": percent(point.sensitivity)},
        _interval("sensitivity-ci", low, point.sensitivity_ci),
        *_of_melanomas(point),
        {"code": own("specificity", "Specificity"), "valueQuantity": percent(point.specificity)},
        _interval("specificity-ci", high, point.specificity_ci),
        {"code": own("measured-on", "What they were measured on"), "valueString": point.measured_on},
    ]
    return made


def _at_prevalence(at: AtPrevalence, said: Said) -> Observation:
    made = said.observation(own("at-prevalence", "What the decision is worth at the prevalence that was asked for"))
    made["note"] = [{"text": in_words(at)}, *made["note"]]
    shares = [
        ("prevalence", "Share of the lesions that is malignant there, as it was asked for", at.prevalence),
        ("probability", "Probability of malignancy there", at.probability),
        ("ppv", "Positive predictive value", at.ppv),
        ("npv", "Negative predictive value", at.npv),
    ]
    made["component"] = [
        {"code": own(code, text), "valueQuantity": percent(share)} for code, text, share in shares if share is not None
    ]
    intervals = [("ppv-ci", "the positive", at.ppv_ci), ("npv-ci", "the negative", at.npv_ci)]
    made["component"] += [
        _interval(code, f"Interval of {which} predictive value", ends) for code, which, ends in intervals if ends
    ]
    return made


def _of_melanomas(point: OperatingPointInfo) -> Iterator[Valued]:
    """Which the operating point may be named after, while its sensitivity is that for every malignancy."""
    if point.melanoma_sensitivity is None or point.melanoma_sensitivity_ci is None:
        return
    code, share = own("melanoma-sensitivity", "Sensitivity for melanomas alone"), percent(point.melanoma_sensitivity)
    yield {"code": code, "valueQuantity": share}
    text = "95 % confidence interval of the sensitivity for melanomas alone"
    yield _interval("melanoma-sensitivity-ci", text, point.melanoma_sensitivity_ci)


def _interval(code: str, text: str, ends: tuple[float, float]) -> Valued:
    return {"code": own(code, text), "valueRange": {"low": percent(ends[0]), "high": percent(ends[1])}}


def _shares(code: str, text: str, shares: dict[str, float], said: Said) -> Observation:
    made = said.observation(own(code, text))
    made["component"] = [{"code": own(name, name), "valueQuantity": percent(share)} for name, share in shares.items()]
    return made


def _differential(decided: Classified, said: Said) -> Observation:
    made = said.observation(own("differential", "Likeliest diagnoses: suspicions from one picture"))
    made["component"] = [
        {
            "code": own(one.code, f"{one.name} (ICD-10 {', '.join(one.icd10)})" if one.icd10 else one.name, one.name),
            "valueQuantity": percent(one.probability),
        }
        for one in decided.differential or []
    ]
    return made


def _quality(decided: Classified, said: Said) -> Observation:
    made = said.observation(own("quality", "Whether the image is fit to be classified"))
    if decided.quality is not None:
        made["valueBoolean"] = decided.quality.acceptable
        if decided.quality.issues:
            made["component"] = [
                {"code": own("quality-issue", "What is wrong with the image"), "valueString": issue}
                for issue in decided.quality.issues
            ]
    return made
