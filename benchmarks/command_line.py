"""`command-line`: `melanoserve classify` of a folder, without a service, beside the bare work on the same files."""

from __future__ import annotations

import csv
import subprocess
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tqdm import tqdm

from benchmarks import plots
from benchmarks.bare import bare_files
from benchmarks.images import distinct
from benchmarks.load import clock
from benchmarks.processes import ServerFailed
from benchmarks.result import Bar, Result, Table
from benchmarks.service import ROOT, STORE
from model_store.labels import Labels
from model_store.runtime import Runtime, load
from model_store.store import Store

TEXT = """\
`melanoserve classify FOLDER --out answers.csv` on {files} different images (JPEG of 1022x767), in a process of its own,
from its start to its end: it loads the version, which an earlier start compiled, tries it on its golden images, and
writes a row for each file. The bare
work reads, decodes and runs the same files in as many threads as there are cores, with a version that is loaded. Both
in turns, {rounds} times; figures are medians, and a ratio is taken inside a round before the median."""

BARE, OURS = "the bare work", "the command line"
_MAIN = "import sys; from service.__main__ import main; sys.exit(main())"


@dataclass(frozen=True)
class Commanded:
    """Seconds that each round took.

    Attributes:
        files: How many there are.
        bare: Of the bare work on all files.
        whole: Of the command on all files.
        start: Of the command on one file.
        missing: Files without an answer, over all rounds.
    """

    files: int
    bare: list[float]
    whole: list[float]
    start: list[float]
    missing: int

    def share(self) -> float:
        """Images a second of the command, of the bare work."""
        return median(bare / whole for bare, whole in zip(self.bare, self.whole, strict=True))


def command_line(options: Namespace) -> Result:
    """Measures and draws; see `benchmarks.cli` for the options."""
    with TemporaryDirectory() as folder:
        found = measure(Path(folder), options.files, options.rounds)
    _write_csv(found, options.output / "command-line.csv")
    rates = {
        name: [found.files / taken for taken in times] for name, times in ((BARE, found.bare), (OURS, found.whole))
    }
    plots.command_line(rates, options.output / "command-line.png")
    text = TEXT.format(files=found.files, rounds=options.rounds)
    return Result("command-line", "The command line", text, [table(found)], bars(found), asdict(found))


def measure(folder: Path, count: int, rounds: int, store: Path = STORE) -> Commanded:
    """Renders the files, and works on them in turns.

    Args:
        folder: An empty one.
        count: How many files.
        rounds: How often.
        store: Directory of the versions.

    Raises:
        ServerFailed: The command failed.
    """
    images = folder / "images"
    images.mkdir()
    for number, data in enumerate(tqdm(distinct(count), total=count, desc="images", unit="img")):
        (images / f"{number:05}.jpg").write_bytes(data)
    files = sorted(images.iterdir())
    runtime: Runtime = load(Labels(Store(store), folder / "state").resolve("classifier", "stable"))
    bare_files(runtime, files[:10])
    (folder / "state").mkdir()
    _classify(files[0], folder / "first.csv", store)  # keeps what it compiled
    bare, whole, start, missing = [], [], [], 0
    for number in tqdm(range(rounds), desc="command-line", unit="round"):
        bare.append(bare_files(runtime, files))
        seconds, rows = _classify(images, folder / f"all-{number}.csv", store)
        whole.append(seconds)
        missing += count - rows
        start.append(_classify(files[0], folder / f"one-{number}.csv", store)[0])
    return Commanded(count, bare, whole, start, missing)


def _classify(what: Path, out: Path, store: Path) -> tuple[float, int]:
    """Seconds that the command took, and how many answers it wrote."""
    arguments = ["classify", what, "--out", out, "--store", store, "--state", out.parent / "state"]
    command = [sys.executable, "-c", _MAIN, *map(str, arguments)]
    begun = clock()
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    taken = clock() - begun
    if ended.returncode:
        raise ServerFailed(f"the command line ended with {ended.returncode}: {ended.stderr.strip()}")
    with out.open(newline="") as file:
        return taken, sum(bool(row["decision"]) for row in csv.DictReader(file))


def bars(found: Commanded) -> list[Bar]:
    """What has to hold."""
    return [
        Bar("images a second with the start, of the bare work", found.share(), 0.8, at_most=False),
        Bar("files without an answer", found.missing, 0),
    ]


def table(found: Commanded) -> Table:
    """What was measured."""

    def row(name: str, times: Sequence[float], share: str) -> tuple[str, ...]:
        taken = median(times)
        return name, f"{taken:.1f} s", f"{found.files / taken:.0f}", share

    rows = [
        row(BARE, found.bare, "1.00"),
        row(OURS, found.whole, f"{found.share():.2f}"),
        ("of this its start (one file alone)", f"{median(found.start):.1f} s", "", ""),
    ]
    return Table(f"{found.files} files:", ("", "time", "images/s", "of the bare work"), rows)


def _write_csv(found: Commanded, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["round", "bare", "whole", "start"])
        for number, seconds in enumerate(zip(found.bare, found.whole, found.start, strict=True), 1):
            writer.writerow([number, *(f"{taken:.3f}" for taken in seconds)])
