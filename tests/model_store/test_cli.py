import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from model_store.cli import main
from model_store.labels import Labels
from model_store.publish import publish
from model_store.store import Store
from tests.tiny_models import add_classifier, add_grader, save

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def folders(store: Store, tmp_path: Path) -> list[str]:
    return ["--store", str(store.root), "--state", str(tmp_path / "state")]


@pytest.fixture
def damaged(store: Store) -> Store:
    """classifier/2 has a flipped byte."""
    variables = add_classifier(store, seed=2).path / "variables" / "variables.data-00000-of-00001"
    variables.write_bytes(variables.read_bytes()[:-1] + b"?")
    return store


def test_list(damaged: Store, folders: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", *folders]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:5] == ["MODEL", "VERSION", "LABELS", "STATE", "DIGEST"]
    assert lines[1].split()[:4] == ["classifier", "1", "stable", "available"]
    assert damaged.open("classifier", 1).digest[:12] in lines[1]
    assert lines[2].split()[:4] == ["classifier", "2", "-", "refused"]
    assert "variables.data-00000-of-00001 was changed" in lines[2]
    assert lines[3].split()[:3] == ["grader", "1", "stable"]


def test_list_for_programs(damaged: Store, folders: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*folders, "list", "--json"]) == 0  # folders may come before the command too
    first, second, _ = json.loads(capsys.readouterr().out)
    assert first == {
        "name": "classifier",
        "version": 1,
        "labels": ["stable"],
        "state": "available",
        "digest": damaged.open("classifier", 1).digest,
        "reason": None,
    }
    assert (second["state"], second["digest"]) == ("refused", None)
    assert "was changed" in second["reason"]


def test_a_label_is_of_a_digest_and_not_of_a_number(
    store: Store, folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pinned, canary = store.open("classifier", 1).digest, add_classifier(store, seed=2)
    Labels(store, tmp_path / "state").move("classifier", "canary", 2)
    for version in (canary.path, store.path("classifier", 1)):
        version.rename(version.with_name(f".{version.name}"))
    other = add_classifier(store, seed=3)  # classifier/1 again, with other weights
    assert other.version == 1
    assert main(["list", "--json", *folders]) == 0
    captured = capsys.readouterr()
    first, grader = json.loads(captured.out)
    assert (first["state"], first["digest"], first["labels"]) == ("available", other.digest, [])
    assert grader["labels"] == ["stable"]
    assert captured.err.splitlines() == [
        "classifier canary: points to nothing that may answer. The store has no version 2 of classifier.",
        f"classifier stable: points to nothing that may answer. classifier/1 has the digest {other.digest[:12]}, but "
        f"{pinned[:12]} was asked for.",
    ]
    assert main(["show", "classifier", *folders]) == 1  # what "stable" is, which is not there
    assert "was asked for" in capsys.readouterr().err
    assert main(["show", "classifier", "1", "--json", *folders]) == 0
    assert json.loads(capsys.readouterr().out)["labels"] == []


def test_an_empty_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = ["--store", str(tmp_path), "--state", str(tmp_path)]
    assert main(["list", *empty]) == 0
    assert "There is no version in" in capsys.readouterr().out
    assert main(["verify", *empty]) == 1  # a mistyped path has verified nothing
    assert "There is no version in" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], ["show", "classifier"], ["verify"]])
def test_a_store_that_is_not_there(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = tmp_path / "none"
    assert main([*arguments, "--store", str(store), "--state", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"There is no folder {store}.\n")


def test_show(store: Store, folders: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "classifier", *folders]) == 0
    page = capsys.readouterr().out
    for expected in (store.open("classifier", 1).digest, "sensitive (default)", "0.900 (0.800 to 0.950)", "CC0-1.0"):
        assert expected in page
    assert main(["show", "grader", "1", *folders]) == 0
    assert f"runs only beside classifier/1 ({store.open('classifier', 1).digest[:12]})" in capsys.readouterr().out


def test_show_for_programs(store: Store, folders: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "grader", "--label", "stable", "--json", *folders]) == 0
    shown = json.loads(capsys.readouterr().out)
    version = store.open("grader", 1)
    assert (shown["digest"], shown["labels"]) == (version.digest, ["stable"])
    assert shown["manifest"] == json.loads(version.manifest.to_bytes())


def test_verify(store: Store, folders: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", *folders]) == 0
    out = capsys.readouterr().out
    assert "classifier/1: ok, 8 files, 4 golden images; openvino f32 off by at most" in out
    assert "grader/1: ok" in out
    assert "grader stable: ok, version 1." in out
    assert main(["verify", "grader", "1", "--runtime", "tensorflow", *folders]) == 0
    assert "tensorflow f32 off by at most 0." in capsys.readouterr().out


def test_verify_says_what_is_wrong_and_goes_on(
    damaged: Store, folders: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", *folders]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("classifier/2: refused. variables/variables.data-00000-of-00001 was changed")
    assert len(captured.err.splitlines()) == 1
    assert "grader/1: ok" in captured.out


def test_verify_finds_wrong_golden_outputs(
    store: Store, folders: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    first = store.open("classifier", 1)
    golden = [record.model_copy(update={"outputs": {"probability": [0.5]}}) for record in first.manifest.golden]
    publish(store, first.path, first.manifest.model_copy(update={"version": 2, "golden": golden, "files": {}}))
    assert main(["verify", "classifier", "2", *folders]) == 1
    assert "classifier/2: refused. golden/00.png: probability is off by" in capsys.readouterr().err
    assert main(["label", "classifier", "stable", "2", *folders]) == 1
    assert "golden/00.png" in capsys.readouterr().err


class Fails(tf.Module):  # type: ignore[misc]  # TensorFlow ships no types
    """A graph that can be loaded, and fails at every image."""

    def __call__(self, image: Any) -> dict[str, Any]:
        total = tf.reduce_sum(tf.cast(image, tf.float32), [1, 2, 3])
        with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(total < 0), [total])]):
            return {"probability": tf.identity(total)}


def test_verify_goes_on_where_a_runtime_fails_at_a_version(
    store: Store, folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = store.open("classifier", 1)
    shutil.copytree(first.path, tmp_path / "fails")
    save(Fails(), tmp_path / "fails")
    publish(store, tmp_path / "fails", first.manifest.model_copy(update={"version": 2, "files": {}}))
    assert main(["verify", "classifier", "--runtime", "tensorflow", *folders]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("classifier/2: refused. tensorflow fails at it in f32: ")
    assert "classifier stable: ok" in captured.out


def test_verify_looks_at_the_classifier_that_a_grader_pins(
    store: Store, folders: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    second = add_classifier(store, seed=2)
    add_grader(store, second)
    second.path.rename(store.root / "classifier" / ".gone")
    assert main(["verify", "grader", *folders]) == 1
    assert capsys.readouterr().err == "grader/2: refused. The store has no version 2 of classifier.\n"


def test_label(store: Store, folders: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    first, second = store.open("classifier", 1), add_classifier(store, seed=2)
    steps = {
        ("stable",): f"classifier stable: 1, {first.digest[:12]}\n",
        ("stable", "2"): f"classifier stable: 2, {second.digest[:12]} (was 1, {first.digest[:12]})\n",
        ("stable", "--back"): f"classifier stable: 1, {first.digest[:12]} (was 2, {second.digest[:12]})\n",
        ("canary", "2"): f"classifier canary: 2, {second.digest[:12]}\n",
    }
    for arguments, expected in steps.items():
        assert main(["label", "classifier", *arguments, *folders]) == 0
        assert capsys.readouterr().out == expected


def test_a_share_alone_is_set_where_the_label_points(
    store: Store, folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    second = add_classifier(store, seed=2)
    labels = Labels(store, tmp_path / "state")
    labels.move("classifier", "canary", 1)
    labels.move("classifier", "canary", 2, share=0.5)
    assert main(["label", "classifier", "canary", "--share", "0", *folders]) == 0
    assert capsys.readouterr().out == f"classifier canary: 2, {second.digest[:12]}, for 0.0% of the requests\n"
    assert labels.get("classifier", "canary").share == 0
    assert labels.move_back("classifier", "canary").version == 1  # that it was moved from there is not forgotten


def test_a_share_of_a_label_that_there_is_not(folders: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["label", "classifier", "canary", "--share", "0.1", *folders]) == 1
    assert capsys.readouterr().err == "No version of classifier is labelled 'canary'.\n"


def test_a_share_is_the_canary_s_alone(
    store: Store, folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (["stable", "1"], ["stable"], ["blue", "1"]):
        with pytest.raises(SystemExit) as left:
            main(["label", "classifier", *arguments, "--share", "0.5", *folders])
        assert left.value.code == 2
        assert "of all labels canary alone" in capsys.readouterr().err
    assert not (tmp_path / "state").exists()


def test_a_share_does_not_go_with_back(
    store: Store, folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_classifier(store, seed=2)
    labels = Labels(store, tmp_path / "state")
    labels.move("classifier", "stable", 2)
    with pytest.raises(SystemExit) as left:
        main(["label", "classifier", "stable", "--back", "--share", "0.1", *folders])
    assert left.value.code == 2
    assert "argument --share: not allowed with argument --back" in capsys.readouterr().err
    assert labels.get("classifier", "stable").version == 2


def test_the_folders_are_those_of_the_service_s_settings(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MELANOSERVE_STORE", str(store.root))
    monkeypatch.setenv("MELANOSERVE_STATE", str(tmp_path / "there"))
    assert main(["label", "classifier", "canary", "1"]) == 0
    assert (tmp_path / "there" / "labels.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["label", "classifier", "stable", "9"], "The store has no version 9 of classifier."),
        (["label", "classifier", "canary"], "No version of classifier is labelled 'canary'."),
        (["show", "classifier", "--label", "canary"], "No version of classifier is labelled 'canary'."),
        (["verify", "segmenter"], "The store has no model 'segmenter'."),
    ],
)
def test_a_refusal_is_one_sentence(
    folders: list[str], arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, *folders]) == 1
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", complaint + "\n")


def test_a_state_folder_that_cannot_be_written(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    state = str(tmp_path / "file" / "state")
    assert main(["label", "classifier", "canary", "1", "--store", str(store.root), "--state", state]) == 1
    assert "Not a directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [[], ["remove"], ["label", "classifier"], ["label", "classifier", "stable", "1", "--back"], ["show", "x", "0"]],
)
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert "usage: python -m model_store" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["list"], ["show"], ["verify"], ["label"]])
def test_help_teaches(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([*arguments, "--help"])
    assert left.value.code == 0
    help_text = capsys.readouterr().out
    assert "--store" in help_text
    assert arguments or "examples:" in help_text


def test_as_a_program_whose_reader_stops_reading(folders: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "model_store", "list", *folders]
    done = subprocess.run(command, cwd=REPOSITORY, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")
