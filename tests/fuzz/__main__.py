"""python -m tests.fuzz: mutated files of every format against the decoder, each in a bounded process.

    python -m tests.fuzz --minutes 10 --seed 7 --formats jpeg,png
    python -m tests.fuzz --case jpeg:12345            # the same case again, alone

Files that did what they must not are written to build/fuzz/. The exit status is 1 if there is any.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from tests.fuzz.cases import FORMATS, Case, parse_case
from tests.fuzz.child import Chunk
from tests.fuzz.runner import Finding, Runner

_FOLDER = Path("build/fuzz")
_CHUNK = 25
# Cases of one seed never meet those of the next.
_CASES_OF_A_SEED = 1_000_000_000


def _formats(text: str) -> list[str]:
    chosen = text.split(",")
    if not set(chosen) <= set(FORMATS):
        raise argparse.ArgumentTypeError(f"formats are {', '.join(FORMATS)}")
    return chosen


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz the decoder.")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="of the run; a fresh one, which is printed, if not given")
    parser.add_argument("--formats", type=_formats, default=list(FORMATS), help=f"of {','.join(FORMATS)}")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes (default: %(default)s)")
    parser.add_argument("--case", type=parse_case, help="only this one, such as jpeg:12345; its file is kept")
    return parser.parse_args(arguments)


def _chunks(formats: list[str], seed: int, seconds: float, bar: tqdm[Any], runner: Runner) -> Iterator[Chunk]:
    """Chunks of every format in turn until the time is over; the bar counts seconds."""
    begun = time.monotonic()
    for step in itertools.count():
        for form in formats:
            bar.n = round(min(time.monotonic() - begun, seconds))
            bar.set_postfix_str(f"{runner.tally.cases} cases, {len(runner.findings)} findings")
            yield Chunk(form, seed * _CASES_OF_A_SEED + step * _CHUNK, _CHUNK)
        if time.monotonic() - begun >= seconds:
            return


def _show(finding: Finding) -> None:
    tqdm.write(f"\n{finding.kind}: {finding.case}, {finding.save(_FOLDER)}\n{finding.detail.strip()}")
    sys.stdout.flush()


def _one(case: Case) -> Runner:
    runner = Runner(workers=1, report=_show)
    runner.run([Chunk(case.format, case.number, 1)])
    if not runner.findings:
        print(f"nothing found: {Finding(case, 'case', runner.tally.table()).save(_FOLDER)}")
    return runner


def _many(arguments: argparse.Namespace) -> Runner:
    seed = random.randrange(1_000_000) if arguments.seed is None else arguments.seed
    print(f"seed {seed}", flush=True)
    runner = Runner(workers=arguments.workers, report=_show)
    seconds = 60 * arguments.minutes
    with tqdm(total=round(seconds), bar_format="{l_bar}{bar}| {elapsed}{postfix}") as bar:
        runner.run(_chunks(arguments.formats, seed, seconds, bar, runner))
    return runner


def main(arguments: list[str] | None = None) -> int:
    """Run, print the findings and the table, and say by the exit status whether there were findings."""
    options = _parse(arguments)
    runner = _many(options) if options.case is None else _one(options.case)
    print(runner.tally.table())
    print(f"{runner.tally.cases} cases, {len(runner.findings)} findings; memory grew by {runner.growth / 1e6:.0f} MB")
    return 1 if runner.findings else 0


if __name__ == "__main__":
    sys.exit(main())
