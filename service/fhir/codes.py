"""The code systems, and every code that we send.

There is no LOINC code for what an algorithm says of a dermoscopic image, so the probability has DICOM's 111047 and the
rest codes of our own. The decision has no SNOMED CT code on purpose: "malignant melanoma" in a patient's record is a
diagnosis, whoever wrote it. The same holds for ICD-10, which stands in words.
"""

from service.fhir.elements import CodeableConcept, Coding, concept

MELANOSERVE = "urn:uuid:3d6a1f0e-8c0b-4f5c-9a57-1a9b0c6e2d41"
"""Our own code system: the codes below, the codes of decisions, classes, diagnoses and problems."""

SHA256 = "urn:uuid:b1c7c2f6-52a3-4e0c-8d0e-6f3a3b7d9e52"
"""System of identifiers that are the SHA-256 of a file, 64 hexadecimal digits."""

REQUEST_ID = "urn:uuid:0f4c8f5a-0a52-4b6e-b4f5-7f2f1f6b3c63"
"""System of identifiers that are a request's id, as in X-Request-Id and the service's log."""

STATEMENT = "urn:uuid:8f1d6c2b-7a44-4b1e-9c3f-2d5e90a7b816"
"""System of identifiers that are one statement of one answer: the UUID by which its bundle refers to it. No request id
would do to tell whether one is stored already: a client may choose it, and give two images the same."""

SOFTWARE = "urn:uuid:5a0f3b0e-0c1d-4d0e-9a55-2f6b7c1e8d74"
"""System of identifiers that are a version of this software."""

DICOM = "http://dicom.nema.org/resources/ontology/DCM"
LOINC = "http://loinc.org"
ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"

ASSERTED_BY_AI: Coding = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "AIAST",
    "display": "Artificial Intelligence asserted",
}
IMAGING: Coding = {
    "system": "http://terminology.hl7.org/CodeSystem/observation-category",
    "code": "imaging",
    "display": "Imaging",
}
IMAGING_REPORT: Coding = {
    "system": "http://terminology.hl7.org/CodeSystem/v2-0074",
    "code": "IMG",
    "display": "Diagnostic Imaging",
}
AUTHOR: Coding = {
    "system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
    "code": "author",
    "display": "Author",
}
ASSEMBLER: Coding = {
    "system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
    "code": "assembler",
    "display": "Assembler",
}
ALGORITHM: Coding = {"system": DICOM, "code": "123110", "display": "Artificial Intelligence"}
PROBABILITY: Coding = {"system": DICOM, "code": "111047", "display": "Probability of cancer"}
CLINICAL_STAGE_GROUP: Coding = {"system": LOINC, "code": "21908-9", "display": "Stage group.clinical Cancer"}


def own(code: str, text: str, display: str | None = None) -> CodeableConcept:
    """A meaning with a code of our own.

    Args:
        code: Means the same wherever it stands.
        text: What is meant here.
        display: What the code is called: the same wherever it stands, as FHIR demands. `text` if not given.
    """
    return concept(text, {"system": MELANOSERVE, "code": code, "display": display or text})


def absent(code: str, text: str) -> CodeableConcept:
    """Why there is no value: a code of FHIR's `data-absent-reason`, and the reason in words."""
    return concept(text, {"system": ABSENT, "code": code})
