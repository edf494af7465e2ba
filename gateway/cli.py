"""The command line: `python -m gateway run`, `status` and `retry`."""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from gateway import log
from gateway.items import Item
from gateway.objects import key_of
from gateway.poller import LOOKED, TROUBLE
from gateway.queue import DATABASE, Queue
from gateway.running import AlreadyRunning, run
from gateway.settings import Settings, SettingsError, read_settings, variable

EPILOG = """\
beside an Orthanc that sends its images to the title MELANOSERVE at port 11112:
  export MELANOGATEWAY_PACS_URL=http://127.0.0.1:8042/dicom-web MELANOGATEWAY_PACS_USER=gateway
  read -rs MELANOGATEWAY_PACS_PASSWORD && export MELANOGATEWAY_PACS_PASSWORD
  python -m gateway run

beside any PACS with DICOMweb, without a change in it:
  python -m gateway run --poll-seconds 10

what it is doing, and what is stuck:
  python -m gateway status
  python -m gateway status 1.2.276.0.7230010.3.1.4.1       the image with this SOP Instance UID
  python -m gateway retry --all                            once the reason is put right

docs/gateway.md explains states and problems. Research use only: no diagnosis.
"""

EXIT_WRONG_SETTINGS = 2
EXIT_TROUBLE = 1

MEANING = {
    "received": "wait for the service",
    "answered": "wait for the PACS to take the report",
    "delivered": "are done: the report is in the PACS",
    "failed": "were refused for good",
    "missing": "were found in the PACS, which does not hand them out",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        arguments: Without the program's name; None for the process's own.

    Returns:
        The exit status: 0 for success, 1 if something is in the way, 2 for wrong settings.
    """
    options = vars(_parser().parse_args(arguments))
    command = options.pop("command")
    try:
        if command == "run":
            settings = read_settings(options)
            log.configure(settings.log_level)
            return run(settings)
        return _status(**options) if command == "status" else _retry(**options)
    except SettingsError as error:
        _say(*error.problems)
        return EXIT_WRONG_SETTINGS
    except (AlreadyRunning, OSError) as error:
        _say(str(error))
        return EXIT_TROUBLE
    except sqlite3.Error as error:
        _say(f"the queue cannot be used ({error}); docs/gateway.md says what to do about a damaged one")
        return EXIT_TROUBLE


def _status(state: Path, uids: list[str], as_json: bool) -> int:
    with closing(_opened(state)) as queue:
        return _show(queue, uids, as_json)


def _show(queue: Queue, uids: list[str], as_json: bool) -> int:
    counts = queue.counts()
    if uids:
        known = [queue.item(key_of(uid)) for uid in uids]
        shown = [item for item in known if item is not None]
    else:
        shown = [i for name in ("failed", "missing", "answered", "received") for i in queue.items(name) if i.problem]
    looked, trouble = queue.marked(LOOKED), queue.marked(TROUBLE)
    if as_json:
        listed = [item._asdict() for item in shown]
        print(json.dumps({"counts": counts, "looked": looked, "look_trouble": trouble or None, "items": listed}))
    else:
        for name, meaning in MEANING.items():
            print(f"{counts.get(name, 0):8} {name:10} {meaning}")
        if looked is not None:
            print(f"\nLast look at the PACS that went well, or first start: {looked}.")
            print(f"Trouble in the last look: {trouble or 'none'}.")
        if shown:
            print()
            _table(shown)
    missing = len(uids) - len(shown) if uids else 0
    if missing:
        _say(f"{missing} of these images never came")
    return EXIT_TROUBLE if missing else 0


def _table(items: list[Item]) -> None:
    print(f"{'key':32}  {'state':9}  {'since (UTC)':16}  {'attempts':8}  problem")
    for item in items:
        since = datetime.fromtimestamp(item.since, UTC).strftime("%Y-%m-%d %H:%M")
        print(f"{item.key}  {item.state:9}  {since}  {item.attempts:8}  {item.problem or '-'}")


def _retry(state: Path, keys: list[str], every: bool) -> int:
    if every == bool(keys):
        _say("name the keys of `status`, or say --all")
        return EXIT_WRONG_SETTINGS
    with closing(_opened(state)) as queue:
        wanted = [item.key for item in queue.items("failed")] if every else keys
        gone = [key for key in wanted if not queue.retry(key)]
    print(f"{len(wanted) - len(gone)} go on.")
    for key in gone:
        _say(f"{key}: did not fail, or its image is gone; the PACS must send it again")
    return EXIT_TROUBLE if gone else 0


def _opened(state: Path) -> Queue:
    if not (state / DATABASE).is_file():
        raise FileNotFoundError(f"there is no queue in {state}; name its folder with --state")
    return Queue(state)


def _say(*lines: str) -> None:
    for line in lines:
        print(f"gateway: {line}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m gateway",
        description="Brings images from a PACS to the service and the reports back.",
        epilog=EPILOG,
        formatter_class=raw,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    runs = commands.add_parser(
        "run",
        help="receive, ask and deliver until stopped",
        description="Receives, asks and delivers. Every option is also a MELANOGATEWAY_* variable; the option wins. "
        "Secrets belong in variables: other users of the machine can read options.",
        epilog=EPILOG,
        formatter_class=raw,
        argument_default=argparse.SUPPRESS,
    )
    for name, field in Settings.model_fields.items():
        text = f"{field.description} [{variable(name)}, default {field.default}]".replace("%", "%%")
        runs.add_argument(f"--{name.replace('_', '-')}", metavar="VALUE", help=text)
    status = commands.add_parser("status", help="how many images are how far, and what went wrong")
    status.add_argument("uids", nargs="*", metavar="UID", help="SOP Instance UIDs of images to show")
    status.add_argument("--json", dest="as_json", action="store_true", help="for programs")
    retry = commands.add_parser("retry", help="let failed items go on where they stopped")
    retry.add_argument("keys", nargs="*", metavar="KEY", help="as `status` shows it")
    retry.add_argument("--all", dest="every", action="store_true", help="every failed item")
    for one in (status, retry):
        default = Path(os.environ.get(variable("state"), Settings.model_fields["state"].default))
        one.add_argument("--state", type=Path, default=default, help=f"the gateway's folder [{default}]")
    return parser
