"""Answers on the command line without a service, with the models of a store.

It imports neither the web framework nor the client: the start is a good part of the time that a few images take.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from service.asking import Reply, Wanted, about_the_image
from service.engine import Engine, Selection
from service.inference import Job, Question, classify, grade_image
from service.loading import CLASSIFIER, GRADER
from service.problem_members import problem_members
from service.problems import kind_of
from service.progress import Progress
from service.settings import Settings
from service.versions import Served, keep_compiled
from service.workers import images_at_once

if TYPE_CHECKING:
    from service.image_route import Work

_NO_DEADLINE = 86_400.0
"""In seconds: nobody waits at the other end of a connection."""

_CROWD = 50
"""Images: with fewer, making ready for them takes longer than it saves."""


@dataclass(frozen=True)
class InProcess:
    """This process: no connection, no service. One version answers, also when a label moves meanwhile."""

    settings: Settings
    wanted: Wanted
    served: Served

    @property
    def threads(self) -> int:
        """As many as in a service."""
        return images_at_once(self.settings)

    def expect(self, images: int) -> None:
        """See `Asker.expect`."""
        used = [served for served in (self.served, self.served.classifier) if served is not None]
        if images >= _CROWD:
            for served in used:
                served.runtime.expect_crowds()
        keep_compiled(used)

    def ask(self, data: bytes) -> Reply:
        """See `Asker.ask`."""
        work: Work = classify if self.wanted.task == "classify" else grade_image
        question = Question("", self.wanted.operating_point, always=self.wanted.always, frame=self.wanted.frame)
        try:
            job = Job(data, self.settings.limits, question, Progress(_NO_DEADLINE), together=lambda: self.threads)
            answer = work(self.served, job)
            if self.wanted.form == "dicom":
                from service.representations import DICOM  # noqa: PLC0415 - see above

                return Reply(report=DICOM.write(answer, job))
        except Exception as error:
            kind = kind_of(error)
            if kind is None or not about_the_image(kind.status, kind.code):
                raise
            return Reply(problem=problem_members(error, ""))
        if self.wanted.form == "fhir":
            from service.fhir.bundle import bundle_of  # noqa: PLC0415 - see above

            return Reply(dict(bundle_of(answer, question.pathology, datetime.now(UTC))))
        return Reply(answer.model_dump(mode="json"))


def in_process(settings: Settings, wanted: Wanted) -> InProcess:
    """Loads and tries the version that is wanted.

    Raises:
        StoreError: There is none, or it must not answer.
    """
    name = CLASSIFIER if wanted.task == "classify" else GRADER
    return InProcess(settings, wanted, Engine(settings).get(name, Selection(wanted.version, wanted.label)))
