"""The data types of FHIR that our resources are made of, and short ways to make them.

Only what is used is declared. FHIR forbids null and empty lists: what is not there is left out.
"""

from typing import NotRequired, TypedDict

UCUM = "http://unitsofmeasure.org"


class Coding(TypedDict):
    """A code of a code system."""

    system: str
    code: str
    display: NotRequired[str]


class CodeableConcept(TypedDict):
    """A meaning: in words, and in codes where there are any."""

    text: str
    coding: NotRequired[list[Coding]]


class Quantity(TypedDict):
    """A number with its unit in UCUM."""

    value: float
    unit: str
    system: str
    code: str


class Range(TypedDict):
    """Both ends belong to it."""

    low: Quantity
    high: Quantity


class Identifier(TypedDict):
    """A name that is unique in its system."""

    system: str
    value: str
    type: NotRequired[CodeableConcept]


class Reference(TypedDict):
    """Points to a resource, by its `fullUrl` in the bundle or by an identifier of what is not in it."""

    reference: NotRequired[str]
    identifier: NotRequired[Identifier]
    display: NotRequired[str]


class Annotation(TypedDict):
    """A remark."""

    text: str


class Meta(TypedDict):
    """Labels of a resource."""

    security: list[Coding]


class Attachment(TypedDict):
    """A file; `data` is base64."""

    contentType: str
    data: str
    title: str


class Narrative(TypedDict):
    """What a person reads of a resource; `div` is XHTML."""

    status: str
    div: str


def concept(text: str, *codings: Coding) -> CodeableConcept:
    """A meaning with or without codes."""
    return {"coding": list(codings), "text": text} if codings else {"text": text}


def quantity(value: float, unit: str) -> Quantity:
    """A number in a unit that UCUM writes as people do."""
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def percent(share: float) -> Quantity:
    """A share from 0 to 1 in percent, without the last digits that the multiplication makes up."""
    return quantity(round(share * 100, 10), "%")
