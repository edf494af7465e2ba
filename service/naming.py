"""Names of files, as people are told them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NOT_SHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def on_one_line(text: str) -> str:
    """A text with a file's name in it, for people: what would break the line, and what a terminal would obey, is
    written out. A name could otherwise make a row of its own, or hide the decision behind it."""
    return _NOT_SHOWN.sub(lambda found: ascii(found[0])[1:-1], text)


@contextmanager
def told_as(path: Path) -> Iterator[None]:
    """Gives the errors of writing, such as a full disk, which name no file, the name of the one that somebody named."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise
