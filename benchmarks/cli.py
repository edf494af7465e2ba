"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import resource
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers import PEERS
from benchmarks.processes import ServerFailed

if TYPE_CHECKING:
    from benchmarks.result import Result

    _Commands = argparse._SubParsersAction[argparse.ArgumentParser]

ROOT = Path(__file__).resolve().parent.parent

DESCRIPTION = """\
Measures melanoserve on this machine. Every command but command-line starts the real service as an operator would, with
an API key, limits, metrics and a log line for each request, on a free port of 127.0.0.1, and stops it at the end. The
load comes from this machine, too: let nothing else run meanwhile. MELANOSERVE_* variables are passed on, so that a
setting can be measured: MELANOSERVE_PROCESSES=2 python -m benchmarks compare --peers none"""

EPILOG = """\
examples:
  python -m benchmarks                               the comparison, about 15 minutes
  python -m benchmarks compare --peers none --rounds 1 --seconds 1
                                                     the service beside the bare work, in half a minute
  python -m benchmarks overload                      four times as many requests as it can answer
  python -m benchmarks swaps                         50 changes of the version under full load
  python -m benchmarks mixed                         60 images at 16 at a time: whose answer is it?
  python -m benchmarks stops                         20 times SIGTERM under full load: is a request lost?
  python -m benchmarks explain                       what the heatmap costs
  python -m benchmarks audit                         what the audit trail costs
  python -m benchmarks command-line                  `melanoserve classify` of 1,000 files beside the bare work
  python -m benchmarks soak --minutes 60             an hour at 80 % load
  python -m benchmarks soak --minutes 60 --publish   the same, into docs/benchmarks.md

Each command prints a table, with the bars that must be met, and leaves COMMAND.json, .csv and .png in the output
folder, beside the log of the service.

exit status: 0 measured; 1 it could not be, or with --check a bar was missed; 2 wrong usage"""

COMMANDS = ("compare", "overload", "swaps", "mixed", "stops", "explain", "audit", "command-line", "soak")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        arguments: Without the program's name; None for the process's own.

    Returns:
        The exit status.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or (given[0] not in COMMANDS and given[0] not in ("-h", "--help")):
        given.insert(0, "compare")
    options = _parser().parse_args(given)
    options.output = options.output.resolve()
    options.output.mkdir(parents=True, exist_ok=True)
    _allow_many_connections()
    try:
        return _measure(options)
    except ServerFailed as error:
        print(f"benchmarks: the service failed: {error}", file=sys.stderr)
        return 1


def _measure(options: argparse.Namespace) -> int:
    # Imported only here: --help need not wait for matplotlib and OpenVINO.
    from benchmarks import (  # noqa: PLC0415
        audit,
        command_line,
        compare,
        explain,
        mixed,
        overload,
        publish,
        soak,
        stops,
        swaps,
    )

    commands: dict[str, Callable[[argparse.Namespace], Result]] = {
        "compare": compare.compare,
        "overload": overload.overload,
        "swaps": swaps.swaps,
        "mixed": mixed.mixed,
        "stops": stops.stops,
        "explain": explain.explain,
        "audit": audit.audit,
        "command-line": command_line.command_line,
        "soak": soak.soak,
    }
    result = commands[options.command](options)
    result.save(options.output)
    print(f"\n{result.title}\n\n{result.markdown()}\n")
    if options.publish:
        print(f"Written: {publish.publish(options.output, ROOT / 'docs')}")
    return 1 if options.check and not result.met else 0


def _allow_many_connections() -> None:
    """Under overload every request that waits has a connection, and each is an open file."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=DESCRIPTION, epilog=EPILOG, formatter_class=raw
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--output", type=Path, default=ROOT / "build" / "benchmarks", metavar="DIR",
        help="where tables, plots and logs go (build/benchmarks)",
    )  # fmt: skip
    common.add_argument(
        "--publish", action="store_true", help="write docs/benchmarks.md and its plots from all results in DIR"
    )
    common.add_argument("--check", action="store_true", help="exit with 1 if a bar is missed")
    _add_compare(commands, common)
    _add_overload(commands, common)
    _add_swaps(commands, common)
    _add_mixed(commands, common)
    _add_stops(commands, common)
    _add_explain(commands, common)
    _add_audit(commands, common)
    _add_command_line(commands, common)
    _add_soak(commands, common)
    return parser


def _add_compare(commands: _Commands, common: argparse.ArgumentParser) -> None:
    text = "the service, the bare work and the peers in turn (the default command)"
    command = commands.add_parser("compare", parents=[common], help=text, description=f"Measures {text}.")
    command.add_argument("--rounds", type=_count, default=5, metavar="N", help="each is measured so many times (5)")
    command.add_argument("--seconds", type=_positive, default=3.0, metavar="S", help="length of a measurement (3)")
    command.add_argument(
        "--peers", type=_peers, default=list(PEERS), metavar="NAMES",
        help=f"which peers, as {','.join(PEERS)}, or none; the first use installs about 2 GB each (all)",
    )  # fmt: skip


def _add_overload(commands: _Commands, common: argparse.ArgumentParser) -> None:
    text = "many times more requests than the service can answer"
    command = commands.add_parser("overload", parents=[common], help=text, description=f"Sends {text}.")
    command.add_argument("--times", type=_positive, default=4.0, metavar="X", help="so many times its capacity (4)")
    command.add_argument("--seconds", type=_positive, default=30.0, metavar="S", help="for how long (30)")


def _add_swaps(commands: _Commands, common: argparse.ArgumentParser) -> None:
    text = "the version behind the label, again and again under full load"
    command = commands.add_parser(
        "swaps", parents=[common], help=f"change {text}",
        description=f"Changes {text}: no request may fail, and every answer must be exactly one version's.",
    )  # fmt: skip
    command.add_argument("--swaps", type=_count, default=50, metavar="N", help="how many (50)")
    command.add_argument("--pause", type=_positive, default=0.5, metavar="S", help="seconds between them (0.5)")


def _add_mixed(commands: _Commands, common: argparse.ArgumentParser) -> None:
    text = "different images among hang-ups and damaged files: every answer must be the answer alone"
    command = commands.add_parser("mixed", parents=[common], help=text, description=f"Asks about {text}.")
    command.add_argument("--images", type=_count, default=60, metavar="N", help="how many different ones (60)")
    command.add_argument("--repeats", type=_count, default=10, metavar="N", help="how often each is asked about (10)")
    command.add_argument("--clients", type=_count, default=16, metavar="N", help="how many ask at a time (16)")


def _add_stops(commands: _Commands, common: argparse.ArgumentParser) -> None:
    text = "SIGTERM under full load, again and again: no request that was let in may be lost"
    command = commands.add_parser("stops", parents=[common], help=text, description=f"Sends {text}.")
    command.add_argument("--stops", type=_count, default=20, metavar="N", help="how many (20)")


def _add_explain(commands: _Commands, common: argparse.ArgumentParser) -> None:
    text = "answers with a heatmap and without, in turns, of one running service"
    command = commands.add_parser("explain", parents=[common], help=text, description=f"Measures {text}.")
    command.add_argument("--rounds", type=_count, default=5, metavar="N", help="each is measured so many times (5)")
    command.add_argument("--seconds", type=_positive, default=3.0, metavar="S", help="length of a measurement (3)")


def _add_audit(commands: _Commands, common: argparse.ArgumentParser) -> None:
    text = "services without an audit trail, with SQLite and with PostgreSQL, in turns; takes an installed PostgreSQL"
    command = commands.add_parser("audit", parents=[common], help=text, description=f"Measures {text}.")
    command.add_argument("--rounds", type=_count, default=9, metavar="N", help="each is measured so many times (9)")
    command.add_argument("--seconds", type=_positive, default=4.0, metavar="S", help="length of a measurement (4)")


def _add_command_line(commands: _Commands, common: argparse.ArgumentParser) -> None:
    text = "many files with `melanoserve classify`, without a service, and the bare work on them, in turns"
    command = commands.add_parser("command-line", parents=[common], help=text, description=f"Works on {text}.")
    command.add_argument("--files", type=_count, default=1000, metavar="N", help="how many different images (1000)")
    command.add_argument("--rounds", type=_count, default=3, metavar="N", help="each is measured so many times (3)")


def _add_soak(commands: _Commands, common: argparse.ArgumentParser) -> None:
    text = "hours under a load that the service can bear; latency and memory must stay flat"
    command = commands.add_parser("soak", parents=[common], help=text, description=f"Spends {text}.")
    command.add_argument("--minutes", type=_positive, default=60.0, metavar="M", help="for how long (60)")
    command.add_argument("--load", type=_share, default=0.8, metavar="X", help="share of its capacity (0.8)")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) < 1:
        raise argparse.ArgumentTypeError("give a whole number of at least 1")
    return int(text)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("give a number greater than 0")
    return value


def _share(text: str) -> float:
    value = _positive(text)
    if value > 1:
        raise argparse.ArgumentTypeError("give a share of the capacity, at most 1; `overload` goes beyond")
    return value


def _peers(text: str) -> list[str]:
    names = [] if text == "none" else text.split(",")
    for name in names:
        if name not in PEERS:
            raise argparse.ArgumentTypeError(f"there is no peer {name!r}; give some of {', '.join(PEERS)}, or none")
    return names
