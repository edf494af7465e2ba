"""Answers on the command line from a service."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client import Client, Patience, Problem
from service.asking import Asker, Reply, Wanted, about_the_image, read_file, replies_of

REQUESTS_AT_ONCE = 8
"""Enough to keep a service's processors busy, far below what it admits."""

PATIENCE = Patience(attempts=60, longest_wait=60.0)
"""With many files: neither a service that starts anew nor a key whose rate is used up may end them all."""


@dataclass(frozen=True)
class Remote:
    """A service at an address."""

    client: Client
    wanted: Wanted

    def expect(self, images: int) -> None:
        """See `Asker.expect`; a service is ready for any number."""

    def replies(self, files: Sequence[Path]) -> Iterator[Reply]:
        """See `Asker.replies`."""
        return replies_of(self.ask, files, REQUESTS_AT_ONCE, stop=self.client.close)

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


@contextmanager
def remote(url: str, key: str | None, wanted: Wanted, images: int = 1) -> Iterator[Asker]:
    """Asks a service; about several images with much patience, once it has answered at all.

    Args:
        url: Of the service.
        key: Its API key, if it asks for one.
        wanted: What is asked of every image.
        images: How many there are.

    Raises:
        MelanoserveError: It cannot be reached, or is not ready.
    """
    if images == 1:
        with Client(url, key=key) as client:
            yield Remote(client, wanted)
        return
    with Client(url, key=key) as client:
        client.ready()  # a wrong address is told of at once
    with Client(url, key=key, patience=PATIENCE) as client:
        yield Remote(client, wanted)
