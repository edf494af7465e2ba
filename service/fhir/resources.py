"""The resources of FHIR that an answer is made of, as far as we use them; all are to be read with docs/fhir.md."""

from dataclasses import dataclass, field
from typing import Generic, Literal, NotRequired, TypedDict, TypeVar
from uuid import uuid4

from service.fhir.elements import (
    Annotation,
    Attachment,
    CodeableConcept,
    Identifier,
    Meta,
    Narrative,
    Quantity,
    Range,
    Reference,
)

Status = Literal["preliminary"]
"""Nobody has verified what a model says."""


class Valued(TypedDict):
    """What is said of one thing: a value of one type, or why there is none."""

    code: CodeableConcept
    valueQuantity: NotRequired[Quantity]
    valueRange: NotRequired[Range]
    valueCodeableConcept: NotRequired[CodeableConcept]
    valueString: NotRequired[str]
    valueBoolean: NotRequired[bool]
    dataAbsentReason: NotRequired[CodeableConcept]


class Observation(Valued):
    """One thing that was found."""

    resourceType: Literal["Observation"]
    meta: NotRequired[Meta]
    identifier: NotRequired[list[Identifier]]
    status: Status
    category: NotRequired[list[CodeableConcept]]
    issued: str
    device: Reference
    method: NotRequired[CodeableConcept]
    note: list[Annotation]
    derivedFrom: NotRequired[list[Reference]]
    referenceRange: NotRequired[list[Annotation]]
    component: NotRequired[list[Valued]]


class Named(TypedDict):
    """A name of a device, or a version."""

    name: NotRequired[str]
    type: str | CodeableConcept
    value: NotRequired[str]


class Device(TypedDict):
    """What made a statement: a version of a model, or this software."""

    resourceType: Literal["Device"]
    identifier: list[Identifier]
    status: Literal["active"]
    deviceName: list[Named]
    type: NotRequired[CodeableConcept]
    version: list[Named]
    note: NotRequired[list[Annotation]]


class Media(TypedDict):
    """A picture that belongs to the report."""

    resourceType: Literal["Media"]
    meta: Meta
    identifier: NotRequired[list[Identifier]]
    status: Literal["completed"]
    device: Reference
    content: Attachment
    note: list[Annotation]


class Link(TypedDict):
    """A picture as a report shows it."""

    comment: str
    link: Reference


class DiagnosticReport(TypedDict):
    """All that was found of one image."""

    resourceType: Literal["DiagnosticReport"]
    meta: Meta
    identifier: NotRequired[list[Identifier]]
    text: Narrative
    status: Status
    category: list[CodeableConcept]
    code: CodeableConcept
    issued: str
    result: list[Reference]
    media: NotRequired[list[Link]]
    conclusion: str


class Agent(TypedDict):
    """Who took part in making something."""

    type: CodeableConcept
    who: Reference


class Entity(TypedDict):
    """From what something was made."""

    role: Literal["source"]
    what: Reference


class Provenance(TypedDict):
    """Which model said what, of which image."""

    resourceType: Literal["Provenance"]
    target: list[Reference]
    recorded: str
    agent: list[Agent]
    entity: list[Entity]


Resource = Observation | Device | Media | DiagnosticReport | Provenance
R_co = TypeVar("R_co", bound=Resource, covariant=True)


@dataclass(frozen=True)
class Entry(Generic[R_co]):
    """A resource of a bundle, and the name by which the others refer to it."""

    resource: R_co
    url: str = field(default_factory=lambda: f"urn:uuid:{uuid4()}")

    @property
    def reference(self) -> Reference:
        """What refers to it."""
        return {"reference": self.url}


class BundleEntry(TypedDict):
    """A resource of a bundle under its name."""

    fullUrl: str
    resource: Resource


class Bundle(TypedDict):
    """Everything that is said of one image."""

    resourceType: Literal["Bundle"]
    identifier: NotRequired[Identifier]
    type: Literal["collection"]
    timestamp: str
    entry: list[BundleEntry]
