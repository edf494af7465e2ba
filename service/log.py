"""What is logged: one JSON object per line on stderr, and nothing of a patient in any of them.

That is why this file forms every line itself. An exception's text can quote what a library read in a file, a path can
hold a file's name and a warning can hold metadata, so none of them is written: an exception is its type and the places
it went through. Records of other libraries below WARNING are dropped: Pillow's debug records print EXIF values.
"""

import faulthandler
import json
import logging
import os
import re
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from service.outlet import Outlet

logger = logging.getLogger("melanoserve")

# python-multipart's warnings quote bytes of the body; the client gets a problem instead.
SILENCED = ("python_multipart", "python_multipart.multipart")

# What it reports is about the traces, which hold nothing of a patient: its numbers are status codes and seconds.
NUMBERS_OF = "opentelemetry."

_PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[-#0 +]*[\d*]*(?:\.[\d*]*)?[hlL]?([a-zA-Z%])")


def configure(level: str) -> None:
    """Sends all logging of the process to stderr in this form; `level` holds for the service's own records."""
    _keep_stderr_to_ourselves()
    handler = _Lines()
    handler.setFormatter(_JsonLine())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logger.setLevel(level.upper())
    for name in SILENCED:
        logging.getLogger(name).disabled = True
    warnings.showwarning = _show_warning
    # Python's own hooks write an exception's text, and what it was met in.
    sys.excepthook = lambda _, error, __: failure("process_failed", error)
    threading.excepthook = _thread_failed
    sys.unraisablehook = _unraisable


def descriptor() -> int:
    """Where a process that this one starts shall log; nowhere, if this one does not write to a file."""
    try:
        return sys.stderr.fileno()
    except OSError:
        return subprocess.DEVNULL


def event(name: str, level: int = logging.INFO, /, **fields: object) -> None:
    """Logs one event with its fields, which must be safe to keep: identifiers, numbers, names of our own."""
    logger.log(level, name, extra={"fields": fields})


def failure(name: str, error: BaseException, /, **fields: object) -> None:
    """Logs an unexpected exception: its type and where it went through, never its text."""
    event(name, logging.ERROR, error=type(error).__name__, at=places(error.__traceback__), **fields)


def loop_failure(_: object, context: Mapping[str, Any]) -> None:
    """Logs what nobody in the event loop caught; asyncio's own text quotes the exception and arguments of callbacks."""
    error = context.get("exception")
    if isinstance(error, BaseException):
        failure("event_loop", error)
    else:
        event("event_loop", logging.ERROR)


def places(trace: TracebackType | None) -> list[str]:
    """`module.py:line function` of every frame, outermost first."""
    frames = traceback.extract_tb(trace)
    return [f"{'/'.join(frame.filename.rsplit('/', 2)[-2:])}:{frame.lineno} {frame.name}" for frame in frames]


def _keep_stderr_to_ourselves() -> None:
    """libtiff and others print what they find in a file straight to the descriptor; from here on that is lost."""
    ours = os.dup(sys.stderr.fileno())
    sys.stderr = os.fdopen(ours, "w", buffering=1, encoding="utf-8", errors="backslashreplace")
    faulthandler.enable(sys.stderr)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


class _Lines(logging.Handler):
    """Writes to what is stderr when it is made."""

    def __init__(self) -> None:
        super().__init__()
        self._outlet = Outlet(sys.stderr.fileno(), self._lost)

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        try:
            self._outlet.write(self._line(record))
        except Exception:  # noqa: BLE001 - as every handler does
            self.handleError(record)

    def flush(self) -> None:
        """Waits a moment for what was not taken yet."""
        self._outlet.flush()

    def _line(self, record: logging.LogRecord) -> bytes:
        return f"{self.format(record)}\n".encode()

    def _lost(self, lines: int) -> bytes:
        record = logger.makeRecord(
            logger.name, logging.ERROR, "", 0, "log_lost", (), None, extra={"fields": {"lines": lines}}
        )
        return self._line(record)


class _JsonLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """One JSON object: our own events with their fields, of everybody else's what cannot quote a request."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, object] = {"time": f"{stamp}.{int(record.msecs):03d}Z", "level": record.levelname.lower()}
        if record.name == logger.name:
            line["event"] = record.msg
            line.update(getattr(record, "fields", {}))
        else:
            line.update(event="library", logger=record.name, message=_template(record))
            if record.exc_info and record.exc_info[1] is not None:
                line.update(error=type(record.exc_info[1]).__name__, at=places(record.exc_info[2]))
        return json.dumps(line, separators=(",", ":"))


def _template(record: logging.LogRecord) -> str:
    """What another library says without its arguments, which may hold anything; an exception is its type."""
    if not isinstance(record.msg, str):
        return type(record.msg).__name__
    arguments = iter(record.args if isinstance(record.args, tuple) else ())

    def shown(placeholder: re.Match[str]) -> str:
        if placeholder[1] == "%":
            return "%"
        argument = next(arguments, None)
        if isinstance(argument, BaseException):
            return type(argument).__name__
        return str(argument) if record.name.startswith(NUMBERS_OF) and isinstance(argument, int | float) else "..."

    # Without arguments it is no template: a % in it is a per cent sign.
    return _PLACEHOLDER.sub(shown, record.msg) if record.args else record.msg


def _thread_failed(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value is not None:
        failure("thread_failed", ended.exc_value, thread=None if ended.thread is None else ended.thread.name)


def _unraisable(met: "sys.UnraisableHookArgs") -> None:
    """What was raised where nobody can catch it, such as while an object goes away."""
    if met.exc_value is not None:
        failure("unraisable", met.exc_value)


def _show_warning(  # noqa: PLR0913, PLR0917 - the signature is Python's
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,
    line: str | None = None,
) -> None:
    place = f"{'/'.join(filename.rsplit('/', 2)[-2:])}:{lineno}"
    event("warning", logging.WARNING, category=category.__name__, at=place)
