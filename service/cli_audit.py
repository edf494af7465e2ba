"""`melanoserve audit verify|export|prune`: looks after the audit trail, whether the service runs or not."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic_settings import BaseSettings, SettingsConfigDict

from service.audit.address import FORMS, Address, WrongAddress, address_of
from service.audit.chain import Head
from service.audit.database import Database, DatabaseFailed
from service.audit.entry import in_years_that_are_kept
from service.audit.retention import TOLERATED, Edge, Removed, doubtful, edge, prune
from service.audit.text import csv_lines, json_lines
from service.settings import PREFIX, Settings, variable

if TYPE_CHECKING:
    _Commands = argparse._SubParsersAction[argparse.ArgumentParser]

DESCRIPTION = """\
Looks after the audit trail: who asked what about which image, when, and what came out. docs/audit.md says what each
column is. The service may run meanwhile."""

EXAMPLES = """\
examples:
  melanoserve audit verify                               is every row there, and as it was written?
  melanoserve audit verify --anchor 5120:9f86d081...     and is row 5120 the one whose hash was kept elsewhere?
  melanoserve audit export --since 2026-11-01 > november.csv
  melanoserve audit export --format jsonl --output trail.jsonl
  melanoserve audit prune --days 3650                    removes what is older; the chain stays verifiable

exit status: 0 done, and intact; 1 the chain is not intact; 2 wrong usage; 3 the trail cannot be read or written"""

NOT_INTACT, FAILED = 1, 3

_ANCHOR = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})")
_NUMBER = re.compile(r"[0-9]{1,18}")


class _Place(BaseSettings):
    """The settings that matter here."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore")

    audit_url: str | None = None
    state: Path = Settings.model_fields["state"].default


def register(commands: _Commands) -> None:
    """Adds `audit` to the commands of the command line."""
    audit = commands.add_parser(
        "audit", help="verify, export and shorten the audit trail", description=DESCRIPTION, epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    place = argparse.ArgumentParser(add_help=False)
    place.add_argument(
        "--url", metavar="URL", help=f"{FORMS} ({variable('audit_url')}, or audit.db in {variable('state')} or ./state)"
    )
    actions = audit.add_subparsers(required=True, metavar="ACTION")
    _register_verify(actions, place)
    _register_export(actions, place)
    _register_prune(actions, place)


def run(options: argparse.Namespace) -> int:
    """Runs one of the commands.

    Args:
        options: As parsed by what `register` added.

    Returns:
        The exit status: 0 done, 1 not intact, 2 wrong usage, 3 the trail cannot be read or written.
    """
    action: Callable[[argparse.Namespace, Address], int] = options.action
    place = _Place()
    try:
        address = address_of(options.url or place.audit_url, place.state)
    except WrongAddress as error:
        _say(f"melanoserve: the address of the audit trail: {error}.")
        return 2
    try:
        return action(options, address)
    except DatabaseFailed as error:
        _say(f"melanoserve: the audit trail in {address}: {error}.")
    except OSError as error:
        _say(f"melanoserve: {error.filename or 'standard output'}: {error.strerror}.")
    return FAILED


def _verify(options: argparse.Namespace, address: Address) -> int:
    from service.audit.query import reading, verify_all  # noqa: PLC0415 - SQLAlchemy, which --help need not wait for

    with reading(address) as connection:
        found = verify_all(connection, options.anchor, options.pruned_through)
    for fault in found.faults:
        print(f"NOT INTACT  {fault}")
    if found.removal is not None:
        print(found.removal)
    which = f"rows {found.first} to {found.last.sequence}" if found.rows else "no row"
    print(f"{'intact' if found.intact else 'NOT INTACT'}: {which} in {address}")
    if found.intact:
        print(f"anchor: {found.last.sequence}:{found.last.hash}")
    return 0 if found.intact else NOT_INTACT


def _export(options: argparse.Namespace, address: Address) -> int:
    from service.audit.query import Filter, oldest, reading  # noqa: PLC0415 - see above

    if options.output is not None and address.file is not None and _same(options.output, address.file):
        _say(f"melanoserve: {options.output} is the audit trail itself: name another file.")
        return 2
    lines = csv_lines if options.format == "csv" else json_lines
    with reading(address) as connection:
        rows = oldest(connection, Filter(since=options.since, until=options.until))
        if options.output is None:
            sys.stdout.writelines(lines(rows))
            sys.stdout.flush()
        else:
            with options.output.open("w", encoding="utf-8", newline="") as file:
                file.writelines(lines(rows))
    return 0


def _same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


def _prune(options: argparse.Namespace, address: Address) -> int:
    if address.file is not None and not address.file.is_file():
        raise DatabaseFailed("there is none yet")
    now, kept = datetime.now(UTC), timedelta(days=options.days)
    database, removed = Database(address), list[Removed]()
    try:
        found = edge(database, now - kept, latest=now + TOLERATED)
        if found is not None and not options.all and (found.kept is None or doubtful(found, now, kept)):
            _say(_refusal(found, now, address))
            return 2
        while one := prune(database, now - kept):
            removed.append(one)
            if not one.more:
                break
    finally:
        database.close()
    rows, ahead = sum(one.rows for one in removed), sum(one.ahead for one in removed)
    print(f"{rows} rows from before {now - kept:%Y-%m-%d %H:%M:%S} UTC were removed from {address}")
    if ahead:
        print(f"{ahead} of them were stamped later than it is now, and stood before old ones")
    if removed:
        print(f"anchor: {removed[-1].through.sequence}:{removed[-1].through.hash}")
    return 0


def _refusal(found: Edge, now: datetime, address: Address) -> str:
    stays = "none" if found.kept is None else f"the next one is of {found.kept:%Y-%m-%d}, so it"
    return (
        f"melanoserve: the audit trail in {address}: nothing was removed. The newest row that would go is of "
        f"{found.old:%Y-%m-%d}, and {stays} would stay; the clock says {now:%Y-%m-%d}. If that is right, say --all."
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _moment(text: str) -> datetime:
    try:
        moment = in_years_that_are_kept(datetime.fromisoformat(text))
    except ValueError:
        raise argparse.ArgumentTypeError("give a moment such as 2026-11-26 or 2026-11-26T08:00:00+01:00") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _anchor(text: str) -> Head:
    match = _ANCHOR.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError("give SEQUENCE:HASH, as `verify`, /audit/head or the event audit_head says it")
    return Head(int(match[1]), match[2])


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise argparse.ArgumentTypeError("give the number of a row")
    return int(text)


def _days(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 36_500):
        raise argparse.ArgumentTypeError("give a whole number from 1 to 36500")
    return int(text)


def _register_verify(actions: _Commands, place: argparse.ArgumentParser) -> None:
    text = "look at every row: is it as it was written, and is none missing?"
    action = actions.add_parser("verify", parents=[place], help=text, description=text)
    action.add_argument(
        "--anchor", type=_anchor, action="append", default=[], metavar="SEQUENCE:HASH",
        help="a head that was kept elsewhere: without one, an end that was cut off together with the head, or a chain "
        "that was computed anew, does not show; may be repeated",
    )  # fmt: skip
    action.add_argument(
        "--pruned-through", type=_number, metavar="SEQUENCE",
        help="the last row of which you know that it was removed as too old, from the log (audit_pruned) or from what "
        "`prune` said: anchors below it need not be found, and if more was removed that is a fault",
    )  # fmt: skip
    action.set_defaults(action=_verify)


def _register_export(actions: _Commands, place: argparse.ArgumentParser) -> None:
    text = "write rows out, the oldest first"
    action = actions.add_parser("export", parents=[place], help=text, description=text)
    action.add_argument("--since", type=_moment, metavar="TIME", help="from this moment on (UTC unless it says)")
    action.add_argument("--until", type=_moment, metavar="TIME", help="before this moment")
    action.add_argument("--format", choices=("csv", "jsonl"), default="csv", help="(csv)")
    action.add_argument("--output", type=Path, metavar="FILE", help="instead of standard output")
    action.set_defaults(action=_export)


def _register_prune(actions: _Commands, place: argparse.ArgumentParser) -> None:
    text = "remove old rows, and record that"
    action = actions.add_parser("prune", parents=[place], help=text, description=text)
    action.add_argument("--days", type=_days, required=True, metavar="N", help="what is older than this many days goes")
    action.add_argument(
        "--all", action="store_true",
        help="also where no row would stay, or where none was written for a year or longer than N days before those "
        "that stay: where the clock is wrong, or was, it looks like that",
    )  # fmt: skip
    action.set_defaults(action=_prune)
