import argparse
from pathlib import Path

import pytest

from service.asking import Reply
from service.showing import Output, named, say
from tests.service.test_results import full


def options(folder: Path) -> argparse.Namespace:
    return argparse.Namespace(command="classify", format="dicom", out=folder, frame=None)


def test_nothing_is_left_of_a_report_that_a_full_disk_does_not_take(tmp_path: Path) -> None:
    """Whoever looks for reports in the folder would find an empty one."""
    output = Output(options(tmp_path), 1)
    with pytest.raises(OSError, match="File too large") as refused, full(100):
        output.show(Path("lesion.dcm"), Reply(report=b"a report" * 100))
    assert refused.value.filename == str(tmp_path / "0001-lesion.dcm.sr.dcm")
    assert list(tmp_path.iterdir()) == []


def test_reports_are_numbered_beside_those_that_are_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "0001-lesion.dcm.sr.dcm").write_bytes(b"of an earlier run")
    with Output(options(tmp_path), 1) as output:
        assert output.show(Path("a/lesion.dcm"), Reply(report=b"a report")) == {}
    assert capsys.readouterr().out == f"{tmp_path}/0002-lesion.dcm.sr.dcm\n"
    assert sorted(file.read_bytes() for file in tmp_path.iterdir()) == [b"a report", b"of an earlier run"]


def test_what_a_person_is_told_is_one_line_whatever_a_file_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\nb\x1b[2J.png: unreadable_file")
    assert capsys.readouterr().err == "melanoserve: a\\nb\\x1b[2J.png: unreadable_file\n"


def test_two_frames_of_a_file_are_two_pictures() -> None:
    assert (named(Path("a.dcm"), None), named(Path("a.dcm"), 2)) == ("a.dcm", "a.dcm#frame=2")


def test_a_file_that_is_called_like_a_formula_is_none_in_a_spreadsheet() -> None:
    for name in ("=1+1.png", "+1.png", "-1.png", "@a.png", "\t=1.png"):
        assert named(Path(name), None) == f"./{name}"
        assert Path(named(Path(name), None)) == Path(name)
    assert named(Path("photographs/=1.png"), 1) == "photographs/=1.png#frame=1"
