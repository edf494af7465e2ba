"""What a clinic's program does with a FHIR bundle of the service: say whose it is, and get it ready to be stored.

The service never learns of whom an image is: the bundle is linked here, where that is known.
"""

from __future__ import annotations

import copy
from typing import Any
from urllib.parse import quote, urlencode

Bundle = dict[str, Any]
"""A FHIR R4 Bundle as JSON; any FHIR library reads it."""

MEDIA_TYPE = "application/fhir+json"

OF_A_SUBJECT = ("DiagnosticReport", "Observation", "Media")
IMAGING = "imaging"
"""Category of the Observations that come from the image; a stage that comes from pathology has none."""


def linked(bundle: Bundle, *, subject: str, imaging_study: str | None = None) -> Bundle:
    """The bundle with references to the patient, and to the study that the image is from.

    Args:
        bundle: As the service answered it; it is not changed.
        subject: Reference to the patient, such as Patient/123.
        imaging_study: Reference to the study, such as ImagingStudy/456. A stage that was computed from pathology is
            not derived from it.
    """
    made = copy.deepcopy(bundle)
    for resource in (entry["resource"] for entry in made["entry"]):
        if resource["resourceType"] in OF_A_SUBJECT:
            resource["subject"] = {"reference": subject}
        if imaging_study is not None and resource["resourceType"] == "DiagnosticReport":
            resource["imagingStudy"] = [{"reference": imaging_study}]
        if imaging_study is not None and _of_the_image(resource):
            resource["derivedFrom"] = [*resource.get("derivedFrom", []), {"reference": imaging_study}]
    return made


def _of_the_image(resource: dict[str, Any]) -> bool:
    if resource["resourceType"] != "Observation":
        return False
    codings = [coding for category in resource.get("category", []) for coding in category.get("coding", [])]
    return any(coding["code"] == IMAGING for coding in codings)


def as_transaction(bundle: Bundle) -> Bundle:
    """The bundle as a transaction, which a FHIR server stores when it is posted to its base address.

    It may be posted again, when the answer to it was lost for example: what the server has already is not stored again,
    nor is a version of a model that it knows by the SHA-256 of its manifest. Only the Provenance, which FHIR gives no
    identifier, is.
    """
    made = copy.deepcopy(bundle) | {"type": "transaction"}
    for entry in made["entry"]:
        resource = entry["resource"]
        entry["request"] = {"method": "POST", "url": resource["resourceType"]}
        if "identifier" in resource:
            entry["request"]["ifNoneExist"] = _the_same(resource)
    return made


def _the_same(resource: dict[str, Any]) -> str:
    # The last one is that of nothing else; a report has the request's before it, which a client may use twice.
    identifier = resource["identifier"][-1]
    return urlencode({"identifier": f"{identifier['system']}|{identifier['value']}"}, quote_via=quote)
