import json
import subprocess
import sys

from tests.running_service import ROOT

PROGRAM = """
import logging, warnings
from service import log
log.configure("debug")
{}
"""


def written(code: str, status: int = 0) -> list[dict[str, object]]:
    """What a process logs that runs this code."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(code)], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == status, ended.stderr
    assert ended.stdout == ""
    return [json.loads(line) for line in ended.stderr.splitlines()]


def test_an_event_is_one_line_with_its_fields() -> None:
    (line,) = written('log.event("loaded", model="classifier", seconds=0.5)')
    assert line.pop("time")
    assert line == {"level": "info", "event": "loaded", "model": "classifier", "seconds": 0.5}


def test_a_line_break_in_a_field_does_not_make_a_second_line() -> None:
    assert len(written('log.event("x", reason="a\\nb")')) == 1


def test_an_exception_is_its_type_and_places_and_never_its_text() -> None:
    (line,) = written(
        "try:\n int('CANARY')\nexcept ValueError as error:\n log.failure('failed', error, request_id='r')"
    )
    assert line["error"] == "ValueError"
    assert line["request_id"] == "r"
    assert line["at"] == ["<string>:6 <module>"]
    assert "CANARY" not in str(line)


def test_what_nobody_catches_is_an_event_like_any_other() -> None:
    code = """
import threading
class Odd:
    def __del__(self):
        raise ValueError("CANARY")
thread = threading.Thread(target=int, args=("CANARY",), name="odd")
thread.start()
thread.join()
Odd()
raise KeyError("CANARY")
"""
    lines = written(code, status=1)
    assert [(line["event"], line["error"]) for line in lines] == [
        ("thread_failed", "ValueError"), ("unraisable", "ValueError"), ("process_failed", "KeyError")
    ]  # fmt: skip
    assert lines[0]["thread"] == "odd"
    assert "CANARY" not in str(lines)


def test_what_the_event_loop_reports_is_not_repeated() -> None:
    code = """
import asyncio, gc
async def lose():
    asyncio.get_running_loop().set_exception_handler(log.loop_failure)
    asyncio.get_running_loop().create_future().set_exception(ValueError("CANARY"))
    gc.collect()
    asyncio.get_running_loop().call_exception_handler({"message": "CANARY"})
asyncio.run(lose())
"""
    first, second = written(code)
    assert (first["event"], first["error"]) == ("event_loop", "ValueError")
    assert second["event"] == "event_loop"
    assert "CANARY" not in f"{first}{second}"


def test_other_libraries_are_heard_from_warning_on_without_their_arguments_and_exceptions() -> None:
    code = """
logging.getLogger("PIL.TiffImagePlugin").debug("tag: %s", "CANARY")
logging.getLogger("PIL.TiffImagePlugin").info("CANARY")
logging.getLogger("lib").warning("value %s", "CANARY")
try:
    raise ValueError("CANARY")
except ValueError:
    logging.getLogger("lib").exception("it failed")
"""
    first, second = written(code)
    assert first["message"] == "value ..."
    assert (second["message"], second["error"]) == ("it failed", "ValueError")
    assert "CANARY" not in f"{first}{second}"


def test_no_line_of_another_library_has_placeholders_or_the_text_of_an_exception() -> None:
    code = """
told = logging.getLogger("lib").warning
told("%r after %-3d tries, %.2fs, 50 %% done: %s", "CANARY", 4711, 0.5, ValueError("CANARY"))
told("of %(name)s", {"name": "CANARY", "CANARY": 1})
told("50 % size")
told(ValueError("CANARY"))
logging.getLogger("opentelemetry.exporter").error("%s spans, code: %s, reason: %s", "CANARY", 404, "CANARY")
"""
    lines = written(code)
    assert [line["message"] for line in lines] == [
        "... after ... tries, ...s, 50 % done: ValueError",
        "of ...",
        "50 % size",
        "ValueError",
        "... spans, code: 404, reason: ...",
    ]
    assert "CANARY" not in str(lines)


def test_the_multipart_parser_is_silenced_because_it_quotes_the_body() -> None:
    code = """
from python_multipart.multipart import MultipartParser
try:
    MultipartParser(b"BOUND").write(b"CANARY")
except Exception:
    pass
logging.getLogger("python_multipart.multipart").warning("CANARY")
"""
    assert written(code) == []


def test_a_warning_is_its_category_and_place() -> None:
    (line,) = written('warnings.simplefilter("always")\nwarnings.warn("CANARY in EXIF", UserWarning)')
    assert line["category"] == "UserWarning"
    assert "CANARY" not in str(line)


def test_the_level_holds_for_our_own_events() -> None:
    assert [line["event"] for line in written('log.configure("warning")\nlog.event("a")\nlog.event("b", 30)')] == ["b"]


def test_what_native_libraries_print_is_lost_and_python_s_own_is_not() -> None:
    (line,) = written('import os\nos.write(2, b"tempfile.tif: CANARY")\nlog.event("after")')
    assert line["event"] == "after"
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM.format("raise SystemExit('gone')")],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (1, "gone\n")


def test_a_process_that_it_starts_logs_to_the_same_place() -> None:
    code = 'import subprocess\nsubprocess.run(["sh", "-c", "echo {} >&2"], stderr=log.descriptor())\nlog.event("after")'
    child, after = written(code)
    assert (child, after["event"]) == ({}, "after")


def test_where_it_does_not_write_to_a_file_a_process_logs_nowhere() -> None:
    assert (
        written(
            "import io, subprocess, sys\nkept, sys.stderr = sys.stderr, io.StringIO()\nfound = log.descriptor()\n"
            "sys.stderr = kept\nlog.event(str(found == subprocess.DEVNULL))"
        )[0]["event"]
        == "True"
    )
