"""`python -m model_store list|show|verify|label`: look at the versions of the models, and say which one is served."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from model_store.errors import RefusedVersion, RuntimeUnavailable, StoreError, UnknownModel
from model_store.golden import check_golden
from model_store.labels import CANARY, Labels, open_pinned
from model_store.report import Row, listing, page
from model_store.runtime import Precision, RuntimeName, load
from model_store.store import Store, StoredVersion

if TYPE_CHECKING:
    _Commands = argparse._SubParsersAction[argparse.ArgumentParser]

DESCRIPTION = """\
Looks after the versions of the models that melanoserve serves.

A version is a directory NAME/N with a TensorFlow SavedModel, golden images with the answers that they must give, and a
manifest with the sha256 of every file; it never changes. A label such as "stable" says which version is served. It
pins the version's digest, so it cannot come to mean other weights, and it can be moved back."""

EXAMPLES = """\
examples:
  python -m model_store list                          what is there, and what is refused and why
  python -m model_store show classifier               what "stable" was trained on, and how good it is
  python -m model_store show classifier 2 --json      the manifest of version 2
  python -m model_store verify                        every hash and golden image of every version
  python -m model_store label classifier stable 2     serve version 2, once it has verified
  python -m model_store label classifier stable --back   serve what was served before
  python -m model_store label classifier canary --share 0   ask the canary no more, and leave it where it is

exit status: 0 done; 1 refused, the reason is on standard error; 2 wrong usage"""

_JSON = "print JSON for programs"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        arguments: Without the program's name; None for those of the process.

    Returns:
        The exit status: 0 done, 1 refused. Wrong usage exits with 2.
    """
    options = _parser().parse_args(arguments)
    store = Store(options.store)
    command: Callable[[argparse.Namespace, Store, Labels], int] = options.command
    try:
        if not store.root.is_dir():  # to Store it is empty, as before the first version; here somebody mistyped it
            raise UnknownModel(f"There is no folder {store.root}.")
        return command(options, store, Labels(store, options.state))
    except StoreError as error:
        print(error.message, file=sys.stderr)
    except BrokenPipeError:
        # Whoever read the output, such as `head`, has seen enough; Python would complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        print(f"{error.filename or 'The store'}: {error.strerror or error}.", file=sys.stderr)
    return 1


def _list(options: argparse.Namespace, store: Store, labels: Labels) -> int:
    """Every version of every model; the refused ones with the reason."""
    rows = [_row(store, labels, name, number) for name in store.names() for number in store.versions(name)]
    if options.json:
        print(json.dumps([row.as_json() for row in rows], indent=2))
    else:
        print(listing(rows) if rows else f"There is no version in {store.root}.")
    for name in store.names():
        for label in labels.all(name):
            _warn_of(labels, name, label)
    return 0


def _show(options: argparse.Namespace, store: Store, labels: Labels) -> int:
    """One version's manifest, as a page or as it is."""
    named = options.version is None
    version = labels.resolve(options.name, options.label) if named else store.open(options.name, options.version)
    carried = _labels_of(labels, version)
    if options.json:
        manifest = version.manifest.model_dump(mode="json")
        print(json.dumps({"digest": version.digest, "labels": carried, "manifest": manifest}, indent=2))
    else:
        print(page(version, carried))
    return 0


def _verify(options: argparse.Namespace, store: Store, labels: Labels) -> int:
    """Hashes and golden images of the versions asked for, and whether their labels still mean what they meant."""
    names = [options.name] if options.name else store.names()
    if not names:
        raise UnknownModel(f"There is no version in {store.root}.")
    verified = True
    for name in names:
        for number in [options.version] if options.version else store.versions(name):
            verified &= _told(f"{name}/{number}", partial(_check_version, store, name, number, options.runtime))
        for label in labels.all(name):
            verified &= _told(f"{name} {label}", partial(_check_label, labels, name, label))
    return 0 if verified else 1


def _label(options: argparse.Namespace, store: Store, labels: Labels) -> int:
    """Shows where a label points, moves it to a version that verifies, golden images included, or sets its share."""
    name, label = options.name, options.label
    if options.back and options.share is not None:
        options.misused("argument --share: not allowed with argument --back; move it back first, then set the share")
    if options.share is not None and label != CANARY:
        options.misused(f"argument --share: of all labels {CANARY} alone is drawn for a share of the requests")
    before = labels.all(name).get(label)
    if options.back:
        now = labels.move_back(name, label)
    elif options.version:
        _check_version(store, name, options.version, "openvino")
        now = labels.move(name, label, options.version, share=options.share)
    else:
        now = labels.get(name, label)
        if options.share is not None:
            # No golden images here: whoever takes the requests away from a version is in a hurry.
            now = labels.move(name, label, now.version, now.digest, share=options.share)
    elsewhere = before if before and (before.version, before.digest) != (now.version, now.digest) else None
    came_from = f" (was {elsewhere.version}, {elsewhere.digest[:12]})" if elsewhere else ""
    share = "" if now.share is None else f", for {now.share:.1%} of the requests"
    print(f"{name} {label}: {now.version}, {now.digest[:12]}{share}{came_from}")
    return 0


def _told(title: str, check: Callable[[], str]) -> bool:
    """Runs a check and says how it went."""
    try:
        print(f"{title}: ok, {check()}.")
    except StoreError as error:
        print(f"{title}: refused. {error.message}", file=sys.stderr)
        return False
    return True


def _check_version(store: Store, name: str, number: int, runtime: RuntimeName) -> str:
    """Does all that the service does before it serves a version, in every precision validated for the runtime."""
    version = store.open(name, number)
    if version.manifest.classifier:
        open_pinned(store, version.manifest.classifier)
    precisions = [entry.precision for entry in version.manifest.runtimes if entry.runtime == runtime]
    if not precisions:
        raise RefusedVersion(f"{name}/{number} was not validated for {runtime} in any precision.")
    outcomes = [_check_golden(version, runtime, precision) for precision in precisions]
    return f"{len(version.manifest.files)} files, {len(version.manifest.golden)} golden images; {', '.join(outcomes)}"


def _check_golden(version: StoredVersion, runtime: RuntimeName, precision: Precision) -> str:
    try:
        difference = check_golden(version, load(version, runtime=runtime, precision=precision))
    except RuntimeUnavailable:
        if precision == "f32":
            raise
        return f"{runtime} {precision} not checked: this processor does not compute it"
    except StoreError:
        raise
    except Exception as error:
        # Whatever a runtime raises over a model's files, as the service takes it: it must not answer.
        raise RefusedVersion(f"{runtime} fails at it in {precision}: {type(error).__name__}.") from error
    return f"{runtime} {precision} off by at most {difference:.2g}"


def _check_label(labels: Labels, name: str, label: str) -> str:
    return f"version {labels.resolve(name, label).version}"


def _warn_of(labels: Labels, name: str, label: str) -> None:
    """Says it where a label points to what is not there: to another digest, or to a version that is gone."""
    try:
        labels.resolve(name, label)
    except StoreError as error:
        print(f"{name} {label}: points to nothing that may answer. {error.message}", file=sys.stderr)


def _row(store: Store, labels: Labels, name: str, number: int) -> Row:
    try:
        version = store.open(name, number)
    except RefusedVersion as error:
        # What it should be is not known: its labels are those of its number.
        carried = [label for label, pinned in labels.all(name).items() if pinned.version == number]
        return Row(name, number, carried, None, error.reason)
    return Row(name, number, _labels_of(labels, version), version, None)


def _labels_of(labels: Labels, version: StoredVersion) -> list[str]:
    """Those that point to it, and not only to its number."""
    pointing = labels.all(version.name).items()
    return [label for label, to in pointing if (to.version, to.digest) == (version.version, version.digest)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model_store",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # As the service's own settings are called: a label that is moved elsewhere than the service looks moves nothing.
    store = Path(os.environ.get("MELANOSERVE_STORE") or "model_store/models")
    _add_folders(parser, store=store, state=Path(os.environ.get("MELANOSERVE_STATE") or "state"))
    # Accepted after the command too, where leaving them out must not undo what came before it.
    folders = argparse.ArgumentParser(add_help=False)
    _add_folders(folders, store=argparse.SUPPRESS, state=argparse.SUPPRESS)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_list(commands, folders)
    _add_show(commands, folders)
    _add_verify(commands, folders)
    _add_label(commands, folders)
    return parser


def _add_folders(parser: argparse.ArgumentParser, *, store: Path | str, state: Path | str) -> None:
    versions = "the versions (MELANOSERVE_STORE, else model_store/models)"
    parser.add_argument("--store", type=Path, default=store, metavar="DIR", help=versions)
    moved = "the moved labels (MELANOSERVE_STATE, else state)"
    parser.add_argument("--state", type=Path, default=state, metavar="DIR", help=moved)


def _add_list(commands: "_Commands", folders: argparse.ArgumentParser) -> None:
    command = commands.add_parser("list", parents=[folders], help="every version, its labels and whether it is refused")
    command.add_argument("--json", action="store_true", help=_JSON)
    command.set_defaults(command=_list)


def _add_show(commands: "_Commands", folders: argparse.ArgumentParser) -> None:
    command = commands.add_parser("show", parents=[folders], help="what is known of one version")
    command.add_argument("name", help="the model, such as classifier")
    command.add_argument("version", nargs="?", type=_number, help="its number; without it, the one that --label is on")
    command.add_argument("--label", default="stable", help="which label to look up (stable)")
    command.add_argument("--json", action="store_true", help=_JSON)
    command.set_defaults(command=_show)


def _add_verify(commands: "_Commands", folders: argparse.ArgumentParser) -> None:
    command = commands.add_parser("verify", parents=[folders], help="check hashes, golden images and labels")
    command.add_argument("name", nargs="?", help="only this model")
    command.add_argument("version", nargs="?", type=_number, help="only this version")
    command.add_argument("--runtime", choices=["openvino", "tensorflow"], default="openvino", help="what runs them")
    command.set_defaults(command=_verify)


def _add_label(commands: "_Commands", folders: argparse.ArgumentParser) -> None:
    command = commands.add_parser("label", parents=[folders], help="show or move a label, once the version verified")
    command.add_argument("name", help="the model, such as classifier")
    command.add_argument("label", help="the label, such as stable; a new name makes a new label")
    target = command.add_mutually_exclusive_group()
    target.add_argument("version", nargs="?", type=_number, help="the version to point it to; without it, only look")
    target.add_argument("--back", action="store_true", help="point it to where it pointed before; twice undoes it")
    command.add_argument(
        "--share",
        type=_share,
        help="of the requests that name no version, how many canary answers instead of stable; without a version, the "
        "label stays where it is",
    )
    command.set_defaults(command=_label, misused=command.error)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not the number of a version")
    return int(text)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share from 0 to 1, such as 0.05")
    return share
