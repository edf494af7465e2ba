import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from model_store.errors import RuntimeUnavailable, StoreError, UnknownOperatingPoint
from service.asking import Reply, Wanted
from service.asking_in_process import MANY, in_process
from service.asking_in_processes import InProcesses
from service.settings import Settings
from tests.tiny_models import MELANOMA, picture, png

ROOT = Path(__file__).parents[2]


class Named:
    """Says which process answers about which file; dies, or refuses, when the file is called so."""

    def expect(self, images: int) -> None:
        """Nothing."""

    def ask(self, file: Path) -> Reply:
        time.sleep(0.02)
        if file.name == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if file.name == "refuse":
            raise UnknownOperatingPoint("There is none of that name.")
        return Reply({"process": os.getpid(), "file": file.name})


@pytest.fixture
def three() -> Iterator[InProcesses]:
    with InProcesses(Named, 3) as several:
        yield several


def files(*names: object) -> list[Path]:
    return [Path(str(name)) for name in names]


class InStep(Named):
    """Waits for the two others at each of its first files, or one that got no processor would answer about few."""

    def __init__(self, together: Barrier) -> None:
        self.together, self.asked = together, 0

    def ask(self, file: Path) -> Reply:
        self.asked += 1
        if self.asked <= 11:
            self.together.wait(60)
        return super().ask(file)


def test_all_processes_answer_each_what_it_was_asked() -> None:
    together = get_context("fork").Barrier(3)
    with InProcesses(lambda: InStep(together), 3) as three:
        answers = [reply.answer for reply in three.replies(files(*range(90)))]
    assert [answer["file"] for answer in answers if answer] == [str(number) for number in range(90)]
    shares = Counter(answer["process"] for answer in answers if answer)
    assert len(shares) == 3
    assert os.getpid() not in shares
    assert min(shares.values()) > 10


def test_what_is_wrong_with_the_question_comes_back_after_the_files_before(three: InProcesses) -> None:
    replies = three.replies(files("a", "b", "refuse", "c"))
    assert [next(replies).answer is not None, next(replies).answer is not None] == [True, True]
    with pytest.raises(UnknownOperatingPoint, match="none of that name"):
        next(replies)


def test_a_file_that_is_gone_is_said(tmp_path: Path) -> None:
    class Reads(Named):
        def ask(self, file: Path) -> Reply:
            return Reply({"bytes": len(file.read_bytes())})

    with InProcesses(Reads, 2) as two, pytest.raises(FileNotFoundError) as raised:
        list(two.replies([tmp_path / "gone.jpg"]))
    assert raised.value.filename == str(tmp_path / "gone.jpg")


def test_a_process_that_dies_is_told_with_what_it_worked_on(three: InProcesses) -> None:
    with pytest.raises(RuntimeUnavailable, match=r"ended by itself, over die\.$"):
        list(three.replies(files("a", "die", "b")))


def test_what_cannot_be_loaded_is_said_and_leaves_nobody_behind() -> None:
    def load() -> Named:
        raise StoreError("It cannot be loaded.")

    before = children()
    with pytest.raises(StoreError, match="cannot be loaded"):
        InProcesses(load, 2)
    until(lambda: children() <= before)


def test_the_helpers_end_with_the_first_process() -> None:
    code = (
        "import os, time\nfrom tests.service.test_asking_in_processes import Named, children\n"
        "from service.asking_in_processes import InProcesses\n"
        "several = InProcesses(Named, 3)\nprint(*children(), flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        helpers = [int(pid) for pid in process.stdout.readline().split()]
        assert len(helpers) == 3
        process.kill()
    until(lambda: not any(alive(pid) for pid in helpers))


def test_several_processes_say_what_one_says(pristine_store: Path, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for seed in range(MANY):
        (folder / f"{seed:03}.png").write_bytes(png(picture(MELANOMA, seed)))
    where = ["--store", str(pristine_store), "--state", str(tmp_path / "state"), "--format", "json"]
    main = "import sys; from service.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", main, "classify", str(folder), *where]
    ended = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"MELANOSERVE_THREADS": "2"}, capture_output=True, text=True, check=True
    )
    said = [json.loads(line) for line in ended.stdout.splitlines()]
    asked = sorted(folder.iterdir())
    with in_process(Settings(store=pristine_store, state=tmp_path), Wanted("classify")) as one:
        for file, answer, reply in zip(asked, said, one.replies(asked), strict=True):
            assert answer == {"file": str(file)} | (reply.answer or {})


def until(done: object) -> None:
    deadline = time.monotonic() + 60
    while not done():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def children() -> set[int]:
    """Of this process, as the system lists them."""
    listed = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return {int(pid) for pid in listed}


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
