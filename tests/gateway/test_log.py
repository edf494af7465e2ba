import json
import subprocess
import sys

from tests.running_service import ROOT

PROGRAM = """
import logging, warnings
from gateway import log
log.configure("info")
{}
"""


def written(code: str, status: int = 0) -> list[dict[str, object]]:
    """What a process logs that runs this code, and ends with this status."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(code)], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert (ended.stdout, ended.returncode) == ("", status)
    return [json.loads(line) for line in ended.stderr.splitlines()]


def test_an_event_is_one_line_with_its_fields_from_the_level_on() -> None:
    (line,) = written('log.event("unheard", logging.DEBUG)\nlog.event("sent", key="a\\nb", tries=2)')
    assert line.pop("time")
    assert line == {"level": "info", "event": "sent", "key": "a\nb", "tries": 2}


def test_an_exception_is_its_type_and_places_and_never_its_text() -> None:
    (line,) = written("try:\n int('CANARY')\nexcept ValueError as error:\n log.failure('failed', error, key='k')")
    assert (line["level"], line["error"], line["key"]) == ("error", "ValueError", "k")
    assert line["at"] == ["<string>:6 <module>"]
    assert "CANARY" not in str(line)


def test_of_what_libraries_say_only_that_they_warned_is_kept() -> None:
    code = """
logging.getLogger("pynetdicom.acse").info("CANARY")
logging.getLogger("pynetdicom.acse").warning("peer %s", "CANARY")
warnings.warn("Invalid value CANARY", UserWarning)
"""
    (line,) = written(code)
    assert (line["event"], line["logger"], line["level"]) == ("library", "pynetdicom.acse", "warning")
    assert "CANARY" not in str(line)


def test_what_nobody_catches_is_told_without_its_text_too() -> None:
    code = """
from threading import Thread
thread = Thread(target=lambda: int("CANARY"))
thread.start()
thread.join()
int("CANARY")
"""
    lines = written(code, status=1)
    assert [(line["event"], line["error"]) for line in lines] == [("ended_unexpectedly", "ValueError")] * 2
    assert "CANARY" not in str(lines)
