"""Who answers about images on the command line: a service, or this process with the models of a store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from client import Client, Problem
from service.context import MOST_IMAGES, images_at_once
from service.engine import Engine, Selection
from service.fhir.bundle import bundle_of
from service.image_route import Work
from service.inference import Job, Question, classify, grade_image
from service.loading import CLASSIFIER, GRADER
from service.problem_responses import problem_members
from service.problems import DicomInputNeeded, kind_of
from service.progress import Progress
from service.representations import DICOM
from service.settings import Settings
from service.versions import Served

_NO_DEADLINE = 86_400.0
"""In seconds: nobody waits at the other end of a connection."""

REQUESTS_AT_ONCE = 8
"""To a service: enough to keep its processors busy, far below what it admits."""

_CROWD = 50
"""Images: with fewer, making ready for them takes longer than it saves."""

_ABOUT_THE_IMAGE = (413, 415, 422, 500, 504)
"""Statuses that say something of one image only; after any other the next image would fare no better."""


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


@dataclass(frozen=True)
class InProcess:
    """This process: no connection, no service. One version answers, also when a label moves meanwhile."""

    settings: Settings
    wanted: Wanted
    served: Served

    @property
    def threads(self) -> int:
        """One more than the service would have, for when one waits: here nobody else is kept waiting by it."""
        return min(images_at_once(self.settings) + 1, MOST_IMAGES)

    def expect(self, images: int) -> None:
        """See `Asker.expect`."""
        if images >= _CROWD:
            for served in filter(None, (self.served, self.served.classifier)):
                served.runtime.expect_crowds()

    def ask(self, data: bytes) -> Reply:
        """See `Asker.ask`."""
        work: Work = classify if self.wanted.task == "classify" else grade_image
        question = Question("", self.wanted.operating_point, always=self.wanted.always, frame=self.wanted.frame)
        try:
            job = Job(data, self.settings.limits, question, Progress(_NO_DEADLINE), together=lambda: self.threads)
            answer = work(self.served, job)
            if self.wanted.form == "dicom":
                return Reply(report=DICOM.write(answer, job))
        except Exception as error:
            kind = kind_of(error)
            if kind is None or not _about_the_image(kind.status, kind.code):
                raise
            return Reply(problem=problem_members(error, ""))
        if self.wanted.form == "fhir":
            return Reply(dict(bundle_of(answer, question.pathology, datetime.now(UTC))))
        return Reply(answer.model_dump(mode="json"))


def in_process(settings: Settings, wanted: Wanted) -> InProcess:
    """Loads and tries the version that is wanted.

    Raises:
        StoreError: There is none, or it must not answer.
    """
    name = CLASSIFIER if wanted.task == "classify" else GRADER
    return InProcess(settings, wanted, Engine(settings).get(name, Selection(wanted.version, wanted.label)))


@dataclass(frozen=True)
class Remote:
    """A service at an address."""

    client: Client
    wanted: Wanted
    threads: int = REQUESTS_AT_ONCE

    def expect(self, images: int) -> None:
        """See `Asker.expect`; a service is ready for any number."""

    def ask(self, data: bytes) -> Reply:
        """See `Asker.ask`."""
        given = {name: value for name, value in vars(self.wanted).items() if name not in ("task", "form")}
        # Not what is merely false: version 0 must be refused, not left out and answered by another version.
        options: dict[str, Any] = {
            name: value for name, value in given.items() if value is not None and value is not False
        }
        try:
            client, grade = self.client, self.wanted.task == "grade"
            if self.wanted.form == "dicom":
                report = client.grade_dicom(data, **options) if grade else client.classify_dicom(data, **options)
                return Reply(report=report)
            if self.wanted.form == "fhir":
                return Reply(client.grade_fhir(data, **options) if grade else client.classify_fhir(data, **options))
            answer = client.grade(data, **options) if grade else client.classify(data, **options)
            return Reply(answer.model_dump(mode="json"))
        except Problem as problem:
            if not _about_the_image(problem.status, problem.code):
                raise
            members = {"code": problem.code, "status": problem.status, "detail": problem.detail}
            return Reply(problem=members)


def _about_the_image(status: int, code: str) -> bool:
    return status in _ABOUT_THE_IMAGE or code == DicomInputNeeded.kind.code
