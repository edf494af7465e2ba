"""Answers on the command line from a service."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client import Client, Problem
from service.asking import Reply, Wanted, about_the_image, read_file, replies_of

REQUESTS_AT_ONCE = 8
"""Enough to keep a service's processors busy, far below what it admits."""


@dataclass(frozen=True)
class Remote:
    """A service at an address."""

    client: Client
    wanted: Wanted

    def expect(self, images: int) -> None:
        """See `Asker.expect`; a service is ready for any number."""

    def replies(self, files: Sequence[Path]) -> Iterator[Reply]:
        """See `Asker.replies`."""
        return replies_of(self.ask, files, REQUESTS_AT_ONCE)

    def ask(self, file: Path) -> Reply:
        """What becomes of one file; raises what `Asker.replies` raises."""
        given = {name: value for name, value in vars(self.wanted).items() if name not in ("task", "form")}
        # Not what is merely false: version 0 must be refused, not left out and answered by another version.
        options: dict[str, Any] = {
            name: value for name, value in given.items() if value is not None and value is not False
        }
        data = read_file(file)
        if isinstance(data, Reply):
            return data
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
            if not about_the_image(problem.status, problem.code):
                raise
            members = {"code": problem.code, "status": problem.status, "detail": problem.detail}
            return Reply(problem=members)
