"""Answers on the command line without a service, with the models of a store.

It imports neither the web framework nor the client, and loads no version but the one that answers: the start is a good
part of the time that a few images take.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from model_store.labels import Labels
from model_store.processors import available_processors
from model_store.store import Store
from service.asking import Asker, Reply, Wanted, about_the_image, read_file, replies_of
from service.following import STABLE
from service.inference import Job, Question, classify, grade_image
from service.loading import CLASSIFIER, GRADER
from service.log import places
from service.problem_members import problem_members
from service.problems import InternalError, kind_of
from service.progress import Progress
from service.settings import Settings
from service.versions import Served, Versions, keep_compiled
from service.workers import MOST_IMAGES, images_at_once

if TYPE_CHECKING:
    from service.image_route import Work

_NO_DEADLINE = 86_400.0
"""In seconds: nobody waits at the other end of a connection."""

MANY = 50
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
        if images >= MANY:
            for served in used:
                served.runtime.expect_crowds()
        keep_compiled(used)

    def replies(self, files: Sequence[Path]) -> Iterator[Reply]:
        """See `Asker.replies`."""
        return replies_of(self.ask, files, self.threads)

    def ask(self, file: Path) -> Reply:
        """What becomes of one file; raises what `Asker.replies` raises."""
        work: Work = classify if self.wanted.task == "classify" else grade_image
        question = Question("", self.wanted.operating_point, always=self.wanted.always, frame=self.wanted.frame)
        data = read_file(file, self.settings.max_bytes)
        if isinstance(data, Reply):
            return data
        try:
            job = Job(data, self.settings.limits, question, Progress(_NO_DEADLINE), together=lambda: self.threads)
            answer = work(self.served, job)
            if self.wanted.form == "dicom":
                from service.representations import DICOM, written_as  # noqa: PLC0415 - see above

                return Reply(report=written_as([DICOM], answer).write(answer, job))
        except Exception as error:
            kind = kind_of(error)
            if kind is not None and not about_the_image(kind.status, kind.code):
                raise
            return Reply(problem=problem_members(error, "") if kind is not None else _failed(error))
        if self.wanted.form == "fhir":
            from service.fhir.bundle import bundle_of  # noqa: PLC0415 - see above

            return Reply(dict(bundle_of(answer, question.pathology, datetime.now(UTC))))
        return Reply(answer.model_dump(mode="json"))


def _failed(error: Exception) -> dict[str, object]:
    """What a service would call the same: one file over which the code fails must not end thousands. There is no log
    to look into, so it is told where; never what, for the text of an exception may quote the file."""
    detail = f"A fault of melanoserve: {type(error).__name__} at {places(error.__traceback__)[-1]}. Please report it."
    return problem_members(InternalError(detail), "")


@contextmanager
def in_process(settings: Settings, wanted: Wanted, images: int = 1) -> Iterator[Asker]:
    """Loads and tries the version that is wanted, and nothing else; for many images, in as many processes as pay.

    Args:
        settings: Where the store is, and how many threads there may be.
        wanted: What is asked of every image.
        images: How many there are.

    Raises:
        StoreError: There is none, or it must not answer.
    """
    version = _version(settings, wanted)
    processes = min(settings.threads or available_processors(), MOST_IMAGES)
    may_fork = sys.platform == "linux" and "openvino" not in sys.modules  # once it runs, it would hang in the helpers
    if images < MANY or processes == 1 or not may_fork:
        yield _load(settings, wanted, *version)
        return
    from service.asking_in_processes import InProcesses  # noqa: PLC0415 - imports that few images need not wait for

    alone = settings.model_copy(update={"threads": 1})
    with InProcesses(partial(_load, alone, wanted, *version), processes) as several:
        yield several


def _version(settings: Settings, wanted: Wanted) -> tuple[str, int, str | None]:
    """Which one: name, number and, if a label says, digest. A label that moves meanwhile changes nothing any more."""
    name = CLASSIFIER if wanted.task == "classify" else GRADER
    if wanted.version is not None:
        return name, wanted.version, None
    labels = Labels(Store(settings.store), settings.state)
    named = labels.get(name, wanted.label or STABLE)
    return name, named.version, named.digest


def _load(settings: Settings, wanted: Wanted, name: str, version: int, digest: str | None) -> InProcess:
    return InProcess(settings, wanted, Versions(Store(settings.store), settings).get(name, version, digest))
