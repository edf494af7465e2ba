"""The codes of a report: DICOM's and SNOMED CT's where they say what is meant, else our own.

The decision has no SNOMED CT code on purpose: "malignant melanoma" in a patient's record is a diagnosis, whoever wrote
it. A probability of it is none.
"""

from highdicom.sr import CodedConcept

SCHEME = "99MELANOSERVE"

DERMOSCOPY = CodedConcept("446078004", "SCT", "Dermoscopic photography")
LESION = CodedConcept("95324001", "SCT", "Skin lesion")
PROBABILITY = CodedConcept("111047", "DCM", "Probability of cancer")
ALGORITHM = CodedConcept("123110", "DCM", "Artificial Intelligence")
DEVICE = CodedConcept("121007", "DCM", "Device")
REPORT = CodedConcept("126000", "DCM", "Imaging Measurement Report")
PERCENT = CodedConcept("%", "UCUM", "Percent")


def own(code: str, meaning: str) -> CodedConcept:
    """A meaning with a code of our own; neither may have more characters than DICOM allows (16 and 64)."""
    return CodedConcept(code[:16], SCHEME, meaning[:64])


DECISION = own("decision", "Decision at the operating point")
DECISIONS = {
    "benign": own("benign", "Looks benign; no diagnosis"),
    "malignant": own("malignant", "Looks malignant; no diagnosis"),
    "abstained": own("abstained", "No decision: the image is not fit for one"),
}
CLASS_PROBABILITY = {
    "melanoma": own("p-melanoma", "Probability of melanoma"),
    "other_malignant": own("p-other", "Probability of another malignancy or precursor"),
    "benign": own("p-benign", "Probability of a benign lesion"),
}
STAGE_GRADE = own("stage-grade", "Stage grade that the image resembles; no clinical stage")
CALIBRATED_FOR = own("calibrated-for", "Prevalence for which the probability is calibrated")
OPERATING_POINT = own("operating-point", "Operating point")
AT_PREVALENCE = own("at-prevalence", "What the decision is worth at the prevalence asked for")
INTENDED_USE = own("intended-use", "Intended use")
QUALITY_ISSUE = own("quality-issue", "Why the image is not fit for a decision")
LABEL_POLICY = own("label-policy", "From which labels the stage grades were learned")
CAVEAT = own("caveat", "Caveat")
WITHHELD = own("grade-withheld", "Why there is no stage grade")
EVIDENCE = own("evidence", "How well the data supports this stage grade")
AJCC_T = own("ajcc-t", "AJCC T category, from pathology that was sent")
AJCC_GROUP = own("ajcc-group", "AJCC clinical stage group, from pathology sent")
AJCC_BASIS = own("ajcc-basis", "From what the AJCC stage was computed")
IMAGE_DIGEST = own("image-sha256", "SHA-256 of the file that was sent")
REQUEST = own("request-id", "Request id")
"""The same as in the service's log, and in its answer as JSON."""


def grade_value(stage: int, meaning: str) -> CodedConcept:
    """A stage grade as a value."""
    return own(f"grade-{stage}", f"Stage grade {stage}: {meaning}")


def grade_probability(stage: str) -> CodedConcept:
    """What the probability of a stage grade is called."""
    return own(f"p-grade-{stage}", f"Probability of resembling stage grade {stage}")
