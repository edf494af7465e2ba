import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from training import cli, data_commands
from training.cli import main
from training.fit import Recipe

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
    for command in ("data", "classifier", "grader", "evaluate"):
        assert re.search(rf"^    {command}\s+\w+ \w+", text, re.MULTILINE)  # in the list, with what it does
        assert f"python -m training {command}" in text  # and in an example
    assert "killed goes on from its last checkpoint" in text
    assert "moves no label unless --label" in text
    assert "research use only" in text


@pytest.mark.parametrize(
    "command", ["data", "data index", "data leaks", "data fetch", "classifier", "grader", "evaluate"]
)
def test_every_option_is_explained(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = _help(capsys, *command.split()).partition("options:")[2].splitlines() + [""]
    options = [number for number, line in enumerate(lines) if re.match(r"  -", line)]
    assert len(options) >= 3
    for number in options:
        beside, below = re.split(r"  +", lines[number].strip())[1:], lines[number + 1].startswith(" " * 10)
        assert beside or below, lines[number]


def test_the_defaults_in_the_help_are_those_of_the_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    text = " ".join(_help(capsys, "classifier").split())
    described = Recipe().describe()
    assert f"(default {','.join(described['phases'])})" in text
    assert f"(default {','.join(described['sources'])})" in text
    assert f"(default {described['epoch_size']})" in text
    assert f"(default {described['learning_rate']})" in text
    assert described["batch"] == cli.LEAST_EPOCH


def test_help_does_not_wait_for_tensorflow() -> None:
    code = "import sys, training.cli; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_the_module_runs() -> None:
    environment = os.environ | {"COLUMNS": "120"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "training", "data", "--data", "nowhere"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: no data folder at nowhere: name one with --data\n"


def test_a_command_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert "required: COMMAND" in _refused(capsys)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--phases", "160", "write phases as SIDE:EPOCHS,SIDE:EPOCHS, such as 160:14,224:16"),
        ("--phases", "160:x", "write phases as SIDE:EPOCHS,SIDE:EPOCHS, such as 160:14,224:16"),
        ("--phases", "43:1", "a side is at least 44 pixels, and epochs are not negative"),
        ("--phases", "160:-1", "a side is at least 44 pixels, and epochs are not negative"),
        ("--prevalence", "0", "a prevalence lies between 0 and 1, such as 0.2"),
        ("--prevalence", "20%", "a prevalence lies between 0 and 1, such as 0.2"),
        ("--prevalence", "nan", "a prevalence lies between 0 and 1, such as 0.2"),
        ("--epoch-size", "31", "an epoch holds at least one batch, 32 images"),
        ("--epoch-size", "-64", "an epoch holds at least one batch, 32 images"),
        ("--sources", "ham10000", "write sources as FOLDER:SHARE,FOLDER:SHARE, such as ham10000:2"),
        ("--sources", "ham10000:0", "a share is greater than 0"),
        ("--sources", "ham10000:nan", "a share is greater than 0"),
        ("--learning-rate", "2", "a learning rate lies between 0 and 1, such as 0.0002"),
        ("--learning-rate", "fast", "a learning rate lies between 0 and 1, such as 0.0002"),
        ("--seed", "x", "invalid int value: 'x'"),
    ],
)
def test_wrong_values_are_refused_with_the_right_form(
    option: str, value: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _refused(capsys, "classifier", f"{option}={value}").endswith(f"argument {option}: {message}")


def test_values_are_read() -> None:
    assert cli._phases("160:14,224:16") == ((160, 14), (224, 16))
    assert cli._sources("ham10000:2,clinic:0.5") == {"ham10000": 2.0, "clinic": 0.5}
    assert cli._prevalence("0.05") == 0.05
    assert cli._epoch_size("32") == 32


@pytest.mark.parametrize("given", [["data", "--data", "here", "leaks"], ["data", "leaks", "--data", "here"]])
def test_the_data_may_be_named_before_or_after_what_is_done_with_it(
    given: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    monkeypatch.setattr(
        data_commands, "leaks", lambda options: asked.extend([options.data, options.cache, options.out])
    )
    assert main(given) == 0
    assert asked == [Path("here"), Path("runs/cache"), Path("runs/data")]


def test_the_folders_are_those_of_the_service_s_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STORE", "STATE"):
        monkeypatch.delenv(f"MELANOSERVE_{name}", raising=False)
    options = cli.parser().parse_args(["classifier"])
    assert (options.store, options.state) == (Path("model_store/models"), Path("state"))
    monkeypatch.setenv("MELANOSERVE_STORE", "there/models")
    monkeypatch.setenv("MELANOSERVE_STATE", "there/state")
    for command in ("classifier", "grader"):
        options = cli.parser().parse_args([command])
        assert (options.store, options.state) == (Path("there/models"), Path("there/state"))
    assert cli.parser().parse_args(["evaluate"]).store == Path("there/models")
    assert cli.parser().parse_args(["evaluate", "--store", "here"]).store == Path("here")


def test_weights_and_a_version_to_go_on_from_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    message = _refused(capsys, "classifier", "--weights", "none", "--from", "classifier/1")
    assert "not allowed with argument" in message


def test_stopping_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stop(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(data_commands, "show", stop)
    assert main(["data"]) == 130
    assert capsys.readouterr().err == "stopped; the same command goes on from the last checkpoint\n"


def test_a_programming_error_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr(data_commands, "show", fail)
    with pytest.raises(KeyError):
        main(["data"])
