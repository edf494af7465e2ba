"""Who answers about images on the command line: a service, or this process with the models of a store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from service.problems import DicomInputNeeded

_ABOUT_AN_IMAGE = (413, 415, 422, 500, 504)

UNREADABLE = "unreadable_file"
"""The code of a problem that only the command line has: no service was asked."""

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
    """Answers about image files, several at once."""

    def expect(self, images: int) -> None:
        """Is told how many images will be asked about."""

    def replies(self, files: Sequence[Path]) -> Iterator[Reply]:
        """What becomes of each file, in their order, as soon as it and those before it are there.

        Raises:
            MelanoserveError, StoreError: Nothing can be answered, whatever the image.
        """


def replies_of(
    ask: Callable[[Path], Reply], files: Sequence[Path], threads: int, stop: Callable[[], None] = lambda: None
) -> Iterator[Reply]:
    """See `Asker.replies`.

    Args:
        ask: Gives one file's reply.
        files: Which ones.
        threads: How many ask at once.
        stop: Called when something went wrong, so that whoever asks need not be waited for.
    """
    with ThreadPoolExecutor(threads) as pool:
        try:
            yield from pool.map(ask, files)
        except (Exception, KeyboardInterrupt):
            stop()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def read_file(file: Path, most: int | None = None) -> bytes | Reply:
    """An image file, or that it cannot be read: that is a matter of this one, and of none of the others.

    Args:
        file: Which one.
        most: Of one with more bytes one more is read, which is enough to refuse it; a slide of 2 GB would fill memory.
    """
    try:
        with file.open("rb") as opened:
            return opened.read(-1 if most is None else most + 1)
    except OSError as error:
        detail = f"The file cannot be read: {error.strerror or type(error).__name__}."
        return Reply(problem={"code": UNREADABLE, "detail": detail})


def about_the_image(status: int, code: str) -> bool:
    """Whether a problem says something of one image only; after any other the next image would fare no better."""
    return status in _ABOUT_AN_IMAGE or code == DicomInputNeeded.kind.code
