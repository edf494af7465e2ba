"""Answers on the command line from a service."""

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from client import Client, MelanoserveError, Patience, Problem
from service.asking import Asker, Reply, Wanted, about_the_image, read_file, replies_of

STABLE = "stable"
"""Who names neither a version nor a label would now and then be answered by `canary`: a table of two versions."""

REQUESTS_AT_ONCE = 8
"""Enough to keep a service's processors busy, far below what it admits."""

MOST_BYTES = 500_000_000
"""No service can be told to take a larger file (MELANOSERVE_MAX_BYTES), and several in memory would fill it."""

TOLD_FROM = 5
"""The attempt after which it is told that a service is waited for, some seconds after the first."""

TOLD_EVERY_SECONDS = 60.0


class Notices:
    """Says on standard error why nothing goes on, and does not repeat it for each image."""

    def __init__(self) -> None:
        """Nothing was told yet."""
        self._lock = threading.Lock()
        self._next = 0.0

    def tell(self, error: MelanoserveError) -> None:
        """Tells of an error after which it is tried again."""
        with self._lock:
            now = time.monotonic()
            if now < self._next:
                return
            self._next = now + TOLD_EVERY_SECONDS
        tqdm.write(f"melanoserve: waiting for the service, which is asked again: {error}", file=sys.stderr)


@dataclass(frozen=True)
class Waiting(Patience):
    """With many files: neither a service that starts anew nor a key whose rate is used up may end them all. Without a
    word, a service that is gone for good would look for an hour like one that is slow."""

    attempts: int = 60
    longest_wait: float = 60.0
    notices: Notices = field(default_factory=Notices)

    def wait(self, error: MelanoserveError, attempt: int) -> float | None:
        """See `Patience.wait`."""
        seconds = super().wait(error, attempt)
        if seconds is not None and attempt >= TOLD_FROM:
            self.notices.tell(error)
        return seconds


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
        if self.wanted.version is None and self.wanted.label is None:
            given["label"] = STABLE
        # Not what is merely false: version 0 must be refused, not left out and answered by another version.
        options: dict[str, Any] = {
            name: value for name, value in given.items() if value is not None and value is not False
        }
        if _is_larger_than_any_may_be(file):
            return Reply(problem={"code": "image_too_large", "detail": f"The file has more than {MOST_BYTES} bytes."})
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


def _is_larger_than_any_may_be(file: Path) -> bool:
    try:
        return file.stat().st_size > MOST_BYTES
    except OSError:
        return False  # who reads it is told why


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
    with Client(url, key=key, patience=Waiting()) as client:
        yield Remote(client, wanted)
