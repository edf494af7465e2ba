"""`melanoserve classify FILES` and `melanoserve grade FILES`: many images, by a service or in this process."""

from __future__ import annotations

import argparse
import io
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from service.image_files import SUFFIXES, images_in
from service.settings import PREFIX, SettingsError, read_settings

if TYPE_CHECKING:
    from service.asking import Asker, Form, Wanted
    from service.results import Results

    _Commands = argparse._SubParsersAction[argparse.ArgumentParser]

TASKS = ("classify", "grade")
KEY = f"{PREFIX}KEY"

SOME_FAILED = 3

EXAMPLES = """\
examples:
  melanoserve {task} lesion.jpg                        with the bundled models, in this process
  melanoserve {task} photographs/ --out results.csv    a folder; killed, the same command goes on where it was
  melanoserve {task} *.jpg --format json --server http://127.0.0.1:8000
  melanoserve {task} IM000001 --format dicom --out reports/    a report for the study of each DICOM file

exit status: 0 all were answered; 1 nothing could be answered; 2 wrong usage or settings; 3 some were not answered.
Research use only: no diagnosis."""

_ABOUT = {
    "classify": "Says of each image whether the lesion looks benign or malignant.",
    "grade": "Says of each image which stage grade the lesion resembles, if it looks like a melanoma at all.",
}


def register(commands: _Commands) -> None:
    """Adds `classify` and `grade` to the commands of the command line."""
    for task in TASKS:
        parser = commands.add_parser(
            task,
            help=f"{task} image files, with a service or without one",
            description=_ABOUT[task],
            epilog=EXAMPLES.format(task=task),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.add_argument(
            "files",
            nargs="+",
            type=Path,
            metavar="FILE",
            help="images, or folders: of one, every image in it and below, also where links lead",
        )
        parser.add_argument(
            "--out",
            type=Path,
            help="write rows here, by the name's end as .csv or .jsonl, each as soon as it is known, and go on from "
            "what is there; with --format dicom a folder",
        )
        parser.add_argument(
            "--format",
            choices=("table", "csv", "json", "fhir", "dicom"),
            default="table",
            help="on standard output (default table); json is a whole answer a line, fhir a FHIR R4 bundle a line; "
            "dicom writes structured reports about DICOM files into the folder --out, and their names",
        )
        parser.add_argument("--server", metavar="URL", help="ask this service; without it, the models of --store here")
        parser.add_argument("--key", help=f"its API key [{KEY}, which other users of this machine cannot see]")
        parser.add_argument("--store", type=Path, help="directory of the model versions (model_store/models)")
        parser.add_argument("--state", type=Path, help="directory of the labels that were moved (state)")
        chosen = parser.add_mutually_exclusive_group()
        chosen.add_argument("--version", type=int, help="number of the version that answers")
        chosen.add_argument("--label", help="label of the version that answers (stable)")
        parser.add_argument("--frame", type=int, metavar="N", help="of DICOM files with several frames, from 1")
        parser.add_argument("--operating-point", metavar="NAME", help="the version's default if not given")
        if task == "grade":
            parser.add_argument(
                "--always", action="store_true", help="also of what is called benign, or where another malignancy leads"
            )


def run(options: argparse.Namespace) -> int:
    """Runs one of the commands; returns the exit status."""
    from model_store.errors import StoreError  # noqa: PLC0415 - imports that --help need not wait for
    from service.results import MixedResults  # noqa: PLC0415
    from service.showing import say  # noqa: PLC0415

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # names of files that are no UTF-8 go out as they are
    try:
        _check_where(options)
        _check_out(options)
        files = list(_images(options.files))
        with _asker(options, len(files)) as asker:
            return _ask_all(asker, files, options)
    except SettingsError as error:
        for problem in error.problems:
            say(problem)
        return 2
    except _Refused as error:
        say(str(error))
        return error.status
    except OSError as error:
        say(f"{error.filename or 'standard output'}: {error.strerror or error}")
        return 1
    except (StoreError, MixedResults) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("stopped")
        return 130


class _Refused(Exception):
    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


def _check_where(options: argparse.Namespace) -> None:
    """Refuses what would have no effect: who names a store, or a key, must not be answered by something else."""
    given = next((name for name in ("store", "state") if getattr(options, name) is not None), None)
    if options.server is not None and given is not None:
        raise _Refused(f"--{given} has no effect on what --server answers: leave one of them out", 2)
    if options.server is None and options.key is not None:
        raise _Refused("--key is for a service: name it with --server", 2)


def _check_out(options: argparse.Namespace) -> None:
    path = options.out
    if options.format == "dicom":
        if path is None:
            raise _Refused("--format dicom needs --out FOLDER for the reports", 2)
        path.mkdir(parents=True, exist_ok=True)
        return
    if path is not None and options.format in ("fhir", "json"):
        raise _Refused(f"--out writes rows; redirect the output of --format {options.format} instead", 2)
    if path is not None and path.suffix not in (".csv", ".json", ".jsonl"):
        raise _Refused(f"{path}: the name must end in .csv or .jsonl", 2)
    if path is not None and options.format == "csv" and path.suffix != ".csv":
        raise _Refused(f"{path}: with --format csv the name must end in .csv", 2)
    if path is not None and not path.parent.is_dir():
        raise _Refused(f"there is no folder {path.parent}", 1)


def _images(given: Iterable[Path]) -> Iterator[Path]:
    """The files, and of folders every image in them; in the order given, a folder's by name."""
    for path in given:
        try:
            folder = stat.S_ISDIR(path.stat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            raise _Refused(f"there is no {path}", 1) from None
        except OSError:
            folder = False  # reading it fails, too, which is told then and keeps none of the others
        if not folder:
            yield path
            continue
        inside = images_in(path)
        if not inside:
            raise _Refused(f"{path} holds no image ({', '.join(sorted(SUFFIXES))}, or DICOM of any name)", 1)
        yield from inside


def _wanted(options: argparse.Namespace) -> Wanted:
    from service.asking import Wanted  # noqa: PLC0415

    always = getattr(options, "always", False)
    form: Form = options.format if options.format in ("fhir", "dicom") else "json"
    return Wanted(options.command, options.version, options.label, options.operating_point, always, form, options.frame)


@contextmanager
def _asker(options: argparse.Namespace, images: int) -> Iterator[Asker]:
    if options.server is not None:
        from client import MelanoserveError  # noqa: PLC0415
        from service.asking_remote import remote  # noqa: PLC0415

        try:
            with remote(options.server, options.key or os.environ.get(KEY), _wanted(options), images) as asker:
                yield asker
        except MelanoserveError as error:
            raise _Refused(str(error), 1) from error
        return
    from service.asking_in_process import in_process  # noqa: PLC0415

    places = {name: getattr(options, name) for name in ("store", "state") if getattr(options, name) is not None}
    # It listens nowhere, so it needs no keys where a service with the same variables would.
    with in_process(read_settings({"host": "127.0.0.1", **places}), _wanted(options), images) as asker:
        yield asker


def _ask_all(asker: Asker, files: Sequence[Path], options: argparse.Namespace) -> int:
    from service.results import Results  # noqa: PLC0415
    from service.showing import Output, say  # noqa: PLC0415

    rows = options.out is not None and options.format != "dicom"
    results = Results(options.out, options.command) if rows else None
    done, left = _parted(results, files, options.frame)
    if done:
        say(f"{len(done)} of {len(files)} are done already")
    # One that is done is asked about again: another version, or another operating point, may answer by now.
    again = done[:1]
    asked = [*again, *left]
    asker.expect(len(asked))
    failed = 0
    with results or nullcontext(), Output(options, len(asked)) as output:
        for number, (file, reply) in enumerate(zip(asked, asker.replies(asked), strict=True)):
            row = output.show(file, reply)
            if results is not None and number < len(again):
                results.check(row)
                continue
            if results is not None:
                results.add(row)
            failed += reply.problem is not None
    sys.stdout.flush()  # that a disk is full, or a reader gone, must be known while it can be told
    if failed and results is not None:
        say(f"{failed} of {len(left)} got no answer: the column problem of {options.out} says why")
    return SOME_FAILED if failed else 0


def _parted(results: Results | None, files: Sequence[Path], frame: int | None) -> tuple[list[Path], list[Path]]:
    """The files that have an answer, and those that have none: what has a row is read, to see that it is the same."""
    if results is None:
        return [], list(files)
    from tqdm import tqdm  # noqa: PLC0415

    from service.showing import named  # noqa: PLC0415

    done, left = list[Path](), list[Path]()
    for file in tqdm(files, unit="img", desc="what is done", leave=False, disable=None if len(files) > 1 else True):
        (done if results.holds(named(file, frame), file) else left).append(file)
    return done, left
