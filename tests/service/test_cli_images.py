"""`melanoserve classify` and `grade` as a person uses them, with files on disk.

In processes of their own where what a process does is looked at, which takes a second each; the others in this one.
"""

import csv
import errno
import hashlib
import io
import json
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from service.cli import main
from service.key_file import KeyFile
from tests.running_service import ROOT, Service, running
from tests.tiny_models import BENIGN, GREY, MELANOMA, OTHER_MALIGNANT, picture, png

COMMAND = (sys.executable, "-c", "import sys; from service.cli import main; sys.exit(main())")


def run(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], cwd=ROOT, env=os.environ | variables, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip


Here = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run_here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Here:
    """As `run`, in this process."""
    monkeypatch.chdir(ROOT)

    def run_here(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        try:
            status = main([*map(str, arguments)])
        except SystemExit as ended:
            status = int(ended.code or 0)
        return subprocess.CompletedProcess(arguments, status, *capsys.readouterr())

    return run_here


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve images in a folder and one below it, and something else."""
    folder = tmp_path_factory.mktemp("photographs")
    (folder / "more").mkdir()
    for number in range(12):
        colour = (MELANOMA, BENIGN, GREY, OTHER_MALIGNANT)[number % 4]
        (folder / ("more" if number > 9 else ".") / f"{number:02}.png").write_bytes(png(picture(colour, number)))
    (folder / "notes.txt").write_text("no image")
    return folder


@pytest.fixture
def here(pristine_store: Path, tmp_path: Path) -> list[str]:
    return ["--store", str(pristine_store), "--state", str(tmp_path / "state")]


def test_a_folder_in_this_process(photographs: Path, here: list[str]) -> None:
    ended = run("classify", photographs, *here)
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert lines[0].split() == ["file", "decision", "probability", "problem"]
    assert [line.split()[0] for line in lines[1:]] == [
        str(photographs / name)
        for name in (*(f"{number:02}.png" for number in range(10)), "more/10.png", "more/11.png")
    ]
    assert [line.split()[1] for line in lines[1:5]] == ["malignant", "benign", lines[3].split()[1], "malignant"]


def test_a_service_says_the_same(photographs: Path, here: list[str], service: Service) -> None:
    mine = run("grade", photographs, "--format", "csv", "--always", *here)
    theirs = run("grade", photographs, "--format", "csv", "--always", "--server", str(service.client.base_url))
    assert mine.stdout == theirs.stdout
    rows = list(csv.DictReader(io.StringIO(mine.stdout)))
    assert len(rows) == 12
    assert {row["model"] for row in rows} == {"grader"}
    assert all(row["stage"] in {"1", "2", "3"} for row in rows)


def test_json_is_the_whole_answer(photographs: Path, here: list[str]) -> None:
    ended = run("classify", photographs / "00.png", photographs / "notes.txt", "--format", "json", *here)
    assert ended.returncode == 3  # some were not answered
    good, bad = map(json.loads, ended.stdout.splitlines())
    assert (good["file"], good["decision"]) == (str(photographs / "00.png"), "malignant")
    assert good["operating_point"]["measured_on"] == "painted"
    assert (bad["file"], bad["problem"]["code"]) == (str(photographs / "notes.txt"), "unsupported_image_type")


def test_fhir_is_a_bundle_a_line_from_here_and_from_a_service(
    photographs: Path, here: list[str], service: Service
) -> None:
    files = [photographs / "00.png", photographs / "notes.txt"]
    told = []
    for task, where in (("grade", here), ("classify", ["--server", str(service.client.base_url)])):
        ended = run(task, *files, "--format", "fhir", *where)
        assert (ended.returncode, ended.stderr.count("unsupported_image_type")) == (3, 1)
        (bundle,) = map(json.loads, ended.stdout.splitlines())
        kinds = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
        told.append((bundle["resourceType"], "identifier" in bundle, kinds.count("Device")))
    assert told == [("Bundle", False, 3), ("Bundle", True, 2)]
    assert run("classify", *files, "--format", "fhir", "--out", "x.csv", *here).returncode == 2


def test_killed_it_goes_on_where_it_was(here: list[str], tmp_path: Path) -> None:
    folder, out = tmp_path / "many", tmp_path / "out.csv"
    folder.mkdir()
    for number in range(250):
        (folder / f"{number:03}.png").write_bytes(png(picture(MELANOMA, number)))
    arguments = [*COMMAND, "classify", str(folder), "--out", str(out), *here]
    process = subprocess.Popen(arguments, cwd=ROOT, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not out.exists() or out.read_text().count("\n") < 30:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = out.read_text()
    done = before[: before.rfind("\n") + 1].splitlines()[1:]
    assert 29 <= len(done) < 250, "it was over before it was killed"
    ended = run("classify", folder, "--out", out, *here)
    assert ended.returncode == 0
    assert f"{len(done)} of 250 are done already" in ended.stderr
    after = out.read_text().splitlines()
    assert after[1 : 1 + len(done)] == done
    assert [line.partition(",")[0] for line in after[1:]] == [str(file) for file in sorted(folder.iterdir())]
    again = run("classify", folder, "--out", out, *here)
    assert "250 of 250 are done already" in again.stderr
    assert out.read_text().splitlines() == after


def test_versions_are_not_mixed_in_one_file(run_here: Here, photographs: Path, here: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    assert run_here("classify", photographs / "00.png", "--out", out, *here).returncode == 0
    ended = run_here("classify", photographs / "01.png", "--out", out, "--version", "2", *here)
    assert ended.returncode == 1
    assert "holds answers of classifier/1 at sensitive, and this one is of classifier/2 at sensitive" in ended.stderr
    before = out.read_text()
    assert len(before.splitlines()) == 1
    # Nothing is left to be asked about, and yet what is there must not pass for what is asked now.
    ended = run_here("classify", photographs / "00.png", "--out", out, "--version", "2", *here)
    assert ended.returncode == 1
    assert "this one is of classifier/2" in ended.stderr
    assert out.read_text() == before


def test_another_picture_of_the_same_name_is_asked_about(
    run_here: Here, photographs: Path, here: list[str], tmp_path: Path
) -> None:
    file, out = tmp_path / "0001.png", tmp_path / "out.jsonl"
    found = []
    for name in ("00.png", "01.png"):
        data = (photographs / name).read_bytes()
        file.write_bytes(data)
        assert run_here("classify", file, "--out", out, *here).returncode == 0
        (row,) = map(json.loads, out.read_text().splitlines())
        assert row["image_sha256"] == hashlib.sha256(data).hexdigest()
        found.append(row["image_sha256"])
    assert found[0] != found[1]


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_answered(
    photographs: Path, here: list[str], tmp_path: Path
) -> None:
    folder, out = tmp_path / "images", tmp_path / "out.jsonl"
    (folder / "m.dcm").mkdir(parents=True)
    for name in ("a.png", "c.png"):
        (folder / name).write_bytes((photographs / "00.png").read_bytes())
    (folder / "b.png").symlink_to("/nowhere")
    with (folder / "d.png").open("wb") as large:
        large.truncate(10**12)  # reading it whole would fill the memory
    ended = run("classify", folder, "--out", out, *here)
    assert (ended.returncode, ended.stderr) == (
        3,
        f"melanoserve: 2 of 4 got no answer: the column problem of {out} says why\n",
    )
    rows = {Path(row["file"]).name: row["problem"] for row in map(json.loads, out.read_text().splitlines())}
    assert rows == {"a.png": None, "b.png": "unreadable_file", "c.png": None, "d.png": "image_too_large"}


def test_a_file_that_is_named_and_cannot_be_looked_at_keeps_none_of_the_others(
    run_here: Here, photographs: Path, here: list[str], tmp_path: Path
) -> None:
    (tmp_path / "itself.png").symlink_to(tmp_path / "itself.png")
    ended = run_here("classify", tmp_path / "itself.png", photographs / "00.png", "--format", "csv", *here)
    assert ended.returncode == 3
    rows = list(csv.DictReader(io.StringIO(ended.stdout)))
    assert [row["problem"] for row in rows] == ["unreadable_file", ""]


def test_a_folder_that_cannot_be_listed_is_told_and_the_others_are_answered(
    photographs: Path, here: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = os.scandir

    def scandir(path: str) -> Iterator[os.DirEntry[str]]:
        if Path(path).name == "more":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert main(["classify", str(photographs), "--format", "csv", *here]) == 3
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["problem"] for row in rows] == [""] * 10 + ["unreadable_file"]
    assert rows[-1]["file"] == str(photographs / "more")


@pytest.mark.parametrize("form", ["csv", "table"])
def test_a_name_that_is_no_utf_8_goes_out_as_it_is(
    photographs: Path, here: list[str], tmp_path: Path, form: str
) -> None:
    name = os.fsencode(tmp_path) + b"/l\xe4sion.png"
    Path(os.fsdecode(name)).write_bytes((photographs / "00.png").read_bytes())
    ended = subprocess.run(
        [*COMMAND, "classify", name, "--format", form, *here], cwd=ROOT, capture_output=True, timeout=300, check=False,
        env=os.environ | {"PYTHONIOENCODING": "utf-8:strict"},
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert name in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        (["classify", "/nowhere.jpg"], 1, "there is no /nowhere.jpg"),
        (["classify", "README.md", "--out", "results.xlsx"], 2, "must end in .csv or .jsonl"),
        (["classify", "README.md", "--out", "/nowhere/o.csv"], 1, "there is no folder /nowhere"),
        (["grade", "README.md", "--out", "README.md/o.jsonl"], 1, "there is no folder README.md"),
        (["classify", "README.md", "--store", "/nowhere"], 2, "MELANOSERVE_STORE"),
        (["classify", "README.md", "--version", "99"], 1, "no version 99 of classifier"),
        (["classify", "README.md", "--server", "http://127.0.0.1:9"], 1, "nothing listens at http://127.0.0.1:9"),
        (
            ["classify", "README.md", "--server", "localhost:8000"],
            1,
            "'localhost:8000' is not the address of a service",
        ),
        (["classify", "README.md", "--server", "http://a:b"], 1, "'http://a:b' is not the address"),
        (["grade", "tests"], 1, "tests holds no image"),
        (["classify", "README.md", "--server", ""], 1, "'' is not the address of a service"),
        (["classify", "README.md", "--server", "http://127.0.0.1:9", "--store", "x"], 2, "--store has no effect on"),
        (["classify", "README.md", "--server", "http://127.0.0.1:9", "--state", "x"], 2, "--state has no effect on"),
        (["classify", "README.md", "--key", "msk_1_2"], 2, "--key is for a service: name it with --server"),
        (["classify", "README.md", "--format", "json", "--out", "o.jsonl"], 2, "redirect the output of --format json"),
        (["classify", "README.md", "--format", "csv", "--out", "o.jsonl"], 2, "the name must end in .csv"),
    ],
)
def test_what_goes_wrong_is_one_line(run_here: Here, arguments: list[str], status: int, complaint: str) -> None:
    ended = run_here(*arguments)
    assert (ended.returncode, ended.stdout) == (status, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("melanoserve: ")
    assert complaint in line


def test_a_key_is_sent_and_its_lack_is_told(photographs: Path, pristine_store: Path, state: Path) -> None:
    state.mkdir()
    key = KeyFile(state / "keys.json").add("command line", ["infer"]).text
    with running(pristine_store, state) as guarded:
        arguments = ("classify", photographs / "00.png", "--server", str(guarded.client.base_url))
        ended = run(*arguments)
        assert ended.returncode == 1
        assert "(unauthorized)" in ended.stderr
        assert run(*arguments, MELANOSERVE_KEY=key).returncode == 0


@pytest.mark.parametrize("variable", [("MELANOSERVE_HOST", "0.0.0.0"), ("MELANOSERVE_KEY", "msk_1_2")])
def test_what_is_for_a_service_in_the_environment_is_no_wrong_setting(
    run_here: Here, photographs: Path, here: list[str], monkeypatch: pytest.MonkeyPatch, variable: tuple[str, str]
) -> None:
    """The image of the service has the first, for the service in it: here nothing listens, and no keys are needed."""
    monkeypatch.setenv(*variable)
    assert run_here("classify", photographs / "00.png", *here).returncode == 0


def test_help_teaches_it() -> None:
    text = run("classify", "--help").stdout
    assert "melanoserve classify photographs/ --out results.csv" in text
    assert "exit status: 0" in text
    assert "Research use only" in text


@pytest.mark.parametrize(
    ("command", "reader"), [("classify", "gone"), ("classify", "full"), ("doctor", "gone"), ("classify", "closed")]
)
def test_what_is_printed_for_nobody_is_told_once_and_not_by_python(
    command: str, reader: str, photographs: Path, here: list[str], tmp_path: Path
) -> None:
    """`head` has seen enough, the disk is full, or there was nobody from the start."""
    arguments = [command] if command == "doctor" else [command, photographs, *here]
    if reader == "closed":
        words = ["sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, *map(str, arguments), "--out", str(tmp_path / "o.csv")]
        ended = subprocess.run(words, cwd=ROOT, stderr=subprocess.PIPE, text=True, timeout=300, check=False)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert (tmp_path / "o.csv").read_text().count("\n") == 13
        return
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as pipe, Path("/dev/full").open("wb") as disk:
        ended = subprocess.run(
            [*COMMAND, *map(str, arguments)], cwd=ROOT, stdout=pipe if reader == "gone" else disk,
            stderr=subprocess.PIPE, text=True, timeout=300, check=False,
        )  # fmt: skip
    why = "Broken pipe" if reader == "gone" else "No space left on device"
    assert (ended.returncode, ended.stderr) == (1, f"melanoserve: standard output: {why}\n")


def test_what_is_done_is_looked_at_with_a_bar_and_rows_do_not_run_into_one(
    photographs: Path, here: list[str], tmp_path: Path
) -> None:
    out = str(tmp_path / "out.csv")
    assert run("classify", photographs, "--out", out, *here).returncode == 0
    assert "what is done: " in on_a_terminal("classify", str(photographs), "--out", out, *here)
    shown = on_a_terminal("classify", str(photographs), "--format", "csv", *here)
    assert "12/12" in shown
    ended = [line.rpartition("\r")[2] for line in shown.split("\r\n")]  # what stands there when a line is over
    assert [line for line in ended if ".png" in line] == [line for line in ended if line.startswith(str(photographs))]
    assert len([line for line in ended if ".png" in line]) == 12


def on_a_terminal(*arguments: str) -> str:
    """What somebody sees who gives a command, of 80 columns."""
    seen, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 80))
    process = subprocess.Popen([*COMMAND, *arguments], cwd=ROOT, stdout=terminal, stderr=terminal)
    os.close(terminal)
    shown = bytearray()
    with suppress(OSError):  # the end of a terminal that nobody writes to any more
        while some := os.read(seen, 65_536):
            shown += some
    os.close(seen)
    assert process.wait(300) == 0, shown
    return shown.decode()
