"""Who answers about images on the command line: a service, or this process with the models of a store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from service.problems import DicomInputNeeded

_ABOUT_AN_IMAGE = (413, 415, 422, 500, 504)


Form = Literal["json", "fhir", "dicom"]


@dataclass(frozen=True)
class Wanted:
    """What is asked of every image: `task` is "classify" or "grade", `form` what the answer is written as, and the rest
    are the service's query parameters."""

    task: str
    version: int | None = None
    label: str | None = None
    operating_point: str | None = None
    always: bool = False
    form: Form = "json"
    frame: int | None = None


@dataclass(frozen=True)
class Reply:
    """An answer as JSON, a report as a DICOM file, or what the service would call the problem: exactly one of them."""

    answer: dict[str, Any] | None = None
    report: bytes | None = None
    problem: dict[str, Any] | None = None


class Asker(Protocol):
    """Answers about one image after the other, from several threads."""

    @property
    def threads(self) -> int:
        """How many may ask at once."""

    def expect(self, images: int) -> None:
        """Is told how many images will be asked about."""

    def ask(self, data: bytes) -> Reply:
        """What becomes of an image's bytes.

        Raises:
            MelanoserveError, StoreError: Nothing can be answered, whatever the image.
        """


def about_the_image(status: int, code: str) -> bool:
    """Whether a problem says something of one image only; after any other the next image would fare no better."""
    return status in _ABOUT_AN_IMAGE or code == DicomInputNeeded.kind.code
