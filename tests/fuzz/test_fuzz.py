"""The short form of `make fuzz`: always the same cases."""

from pathlib import Path

import pytest

from tests.fuzz import __main__ as command
from tests.fuzz.cases import FORMATS
from tests.fuzz.child import Chunk
from tests.fuzz.judge import ACCEPTED
from tests.fuzz.runner import Runner

CASES = 200
SHARE = 0.25


def test_no_mutated_file_does_harm_and_enough_of_them_get_to_the_pixels() -> None:
    runner = Runner(workers=2)
    runner.run(Chunk(form, start, 50) for start in range(0, CASES, 50) for form in FORMATS)
    assert runner.findings == []
    assert runner.tally.rows.keys() == set(FORMATS)
    for form, row in runner.tally.rows.items():
        assert row.cases == CASES
        assert row.share >= SHARE, form
        assert row.outcomes[ACCEPTED] > CASES // 10, form
        assert len(row.outcomes) >= 3, form


def test_one_case_can_be_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "_FOLDER", tmp_path)
    assert command.main(["--case", "png:88"]) == 0
    assert "nothing found" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--case", "gif:1"], ["--formats", "jpeg,gif"]])
def test_a_format_that_is_not_fuzzed_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(arguments)
