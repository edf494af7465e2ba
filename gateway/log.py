"""What is logged: one JSON object per line on stderr, and nothing of a patient in any of them.

The lines have the form of the service's, whose code the gateway does not import. An image is named by its key, a hash
of its UID; an exception by its type and where it went through, since its text may quote what was in a data set. What
pydicom and pynetdicom log quotes values and names of peers, so only the fact that they warned is kept.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
import traceback
import warnings

logger = logging.getLogger("melanoserve.gateway")


def configure(level: str) -> None:
    """Sends the process's logging to stderr in this form; `level` holds for the gateway's own events."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLine())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logger.setLevel(level.upper())
    warnings.simplefilter("ignore")
    sys.excepthook = _ended
    threading.excepthook = lambda ended: _ended(ended.exc_type, ended.exc_value, ended.exc_traceback)


def event(name: str, level: int = logging.INFO, /, **fields: object) -> None:
    """Logs one event with its fields, which must be safe to keep: keys, numbers, names of our own."""
    logger.log(level, name, extra={"fields": fields})


def failure(name: str, error: BaseException, /, **fields: object) -> None:
    """Logs an unexpected exception: its type and where it went through, never its text."""
    frames = traceback.extract_tb(error.__traceback__)
    at = [f"{'/'.join(frame.filename.rsplit('/', 2)[-2:])}:{frame.lineno} {frame.name}" for frame in frames]
    event(name, logging.ERROR, error=type(error).__name__, at=at, **fields)


def _ended(kind: type[BaseException], error: BaseException | None, _: object) -> None:
    """Of what nobody caught, in the process or in a thread of a library, Python would print the text."""
    failure("ended_unexpectedly", error or kind())


class _JsonLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """One JSON object: our own events with their fields, of everybody else's only who logged and the level."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, object] = {"time": f"{stamp}.{int(record.msecs):03d}Z", "level": record.levelname.lower()}
        if record.name == logger.name:
            line["event"] = record.msg
            line.update(getattr(record, "fields", {}))
        else:
            line.update(event="library", logger=record.name)
        return json.dumps(line, separators=(",", ":"))
