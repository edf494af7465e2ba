import re
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from benchmarks import cli, mixed
from benchmarks.cli import COMMANDS, main
from benchmarks.peers import PEERS
from benchmarks.processes import ServerFailed
from benchmarks.result import Bar, Result

ROOT = Path(__file__).parents[2]


def _help(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def _refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert ended.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    text = _help(capsys)
    for command in COMMANDS:
        assert re.search(rf"^    {command}\s+\w+ \w+", text, re.MULTILINE)  # in the list, with what it does
        assert f"python -m benchmarks {command}" in text or command == "compare"  # and in an example
    assert "let nothing else run meanwhile" in text
    assert "exit status" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_explained(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = _help(capsys, command).partition("options:")[2].splitlines() + [""]
    options = [number for number, line in enumerate(lines) if re.match(r"  -", line)]
    assert len(options) >= 5
    for number in options:
        beside, below = re.split(r"  +", lines[number].strip())[1:], lines[number + 1].startswith(" " * 10)
        assert beside or below, lines[number]


def test_help_does_not_wait_for_what_it_does_not_need() -> None:
    code = "import sys, benchmarks.cli; sys.exit('matplotlib' in sys.modules or 'openvino' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("soak", "--load", "1.5"), "overload"),
        (("soak", "--minutes", "0"), "greater than 0"),
        (("overload", "--times", "nan"), "greater than 0"),
        (("overload", "--seconds", "soon"), "greater than 0"),
        (("swaps", "--swaps", "0"), "at least 1"),
        (("mixed", "--images", "-1"), "at least 1"),
        (("compare", "--peers", "fastapi,flask"), "there is no peer 'flask'"),
        (("--rounds", "x"), "at least 1"),
        (("everything",), "everything"),
    ],
)
def test_what_cannot_be_is_refused(arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert says in _refused(capsys, *arguments)


def test_the_comparison_is_the_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[Namespace] = []

    def measure(options: Namespace) -> int:
        seen.append(options)
        return 0

    monkeypatch.setattr(cli, "_measure", measure)
    for arguments in ([], ["--rounds", "2"], ["compare", "--peers", "none"]):
        assert main([*arguments, "--output", str(tmp_path)]) == 0
    assert [options.command for options in seen] == ["compare"] * 3
    assert [options.rounds for options in seen] == [5, 2, 5]
    assert [options.peers for options in seen] == [list(PEERS), list(PEERS), []]


@pytest.mark.parametrize(("limit", "status"), [(2.0, 0), (0.5, 1)])
def test_a_missed_bar_fails_only_when_that_was_asked_for(
    limit: float, status: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mixed, "mixed", lambda _: Result("mixed", "Mixed", "", [], [Bar("x", 1.0, limit)], {}))
    assert main(["mixed", "--output", str(tmp_path)]) == 0
    assert main(["mixed", "--output", str(tmp_path), "--check"]) == status
    assert "Mixed" in capsys.readouterr().out
    assert Result.load(tmp_path / "mixed.json").bars[0].limit == limit


def test_publishing_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "ROOT", tmp_path)
    monkeypatch.setattr(mixed, "mixed", lambda _: Result("mixed", "Mixed", "", [], [], {}))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mixed.png").touch()
    assert main(["mixed", "--output", str(tmp_path / "out")]) == 0
    assert not (tmp_path / "docs").exists()
    assert main(["mixed", "--output", str(tmp_path / "out"), "--publish"]) == 0
    assert (tmp_path / "docs" / "benchmarks.md").exists()
    assert "benchmarks.md" in capsys.readouterr().out


def test_a_service_that_fails_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: Namespace) -> Result:
        raise ServerFailed("it was not ready after 180 s")

    monkeypatch.setattr(mixed, "mixed", fail)
    assert main(["mixed", "--output", str(tmp_path)]) == 1
    assert capsys.readouterr().err == "benchmarks: the service failed: it was not ready after 180 s\n"
