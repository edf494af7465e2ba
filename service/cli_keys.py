"""`melanoserve keys add|list|revoke|rotate`: who may use the service."""

import argparse
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.key_file import (
    KEYS_FILE,
    LONGEST,
    SCOPES,
    Issued,
    KeyFile,
    KeyFileError,
    KeyId,
    OwnerName,
    RatePerMinute,
    StoredKey,
    read_keys,
)
from service.settings import PREFIX, Settings, variable

if TYPE_CHECKING:
    _Commands = argparse._SubParsersAction[argparse.ArgumentParser]

DESCRIPTION = """\
Makes, lists, rotates and revokes the API keys of the service.

A key is msk_ID_SECRET. It is printed once, when it is made; the file keeps the hash of its secret, so nobody can look
it up later. The ID is no secret: lists, logs and answers name a key by it. A running service takes every change within
a second, without a restart.

As soon as the file has a key, every request needs one. While it never had one, the service listens on this machine
only, and anybody here may use it."""

EXAMPLES = """\
examples:
  melanoserve keys add --name "PACS gateway"             a key that may ask about images
  melanoserve keys add --name Operator --scope admin     a key that may only change what is served
  melanoserve keys add --name Revision --scope audit     a key that may only read the audit trail
  melanoserve keys add --name Study --expires-days 90 --rate-per-minute 60
  melanoserve keys list                                  who has a key, what it allows, and until when
  melanoserve keys rotate 0f3a9c51                       a new secret; the old one is valid for 24 hours more
  melanoserve keys rotate 0f3a9c51 --keep-hours 0        the old secret has leaked: it ends at once
  melanoserve keys revoke 0f3a9c51                       the key ends at once

send a key, either way:
  curl -H "Authorization: Bearer $KEY" -F file=@lesion.jpg http://127.0.0.1:8000/classify
  curl -H "X-API-Key: $KEY" -F file=@lesion.jpg http://127.0.0.1:8000/classify

add and rotate write nothing but the key to standard output: KEY=$(melanoserve keys add --name Test)

exit status: 0 done; 1 refused, the reason is on standard error; 2 wrong usage"""

KEEP_HOURS = 24

_COLUMNS = ("ID", "NAME", "SCOPES", "CREATED", "EXPIRES", "RATE/MIN", "OLD SECRET UNTIL")


class _NotPrinted(Exception):
    """Standard output does not take what is written to it."""


class _Place(BaseSettings):
    """The settings that matter here; a mistake in another must not keep anybody from revoking a key."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore")

    keys: Path | None = None
    state: Path = Settings.model_fields["state"].default

    @property
    def file(self) -> Path:
        """The file of the keys: the one that the service with these settings reads."""
        return self.keys or self.state / KEYS_FILE


def register(commands: "_Commands") -> None:
    """Adds `keys` to the commands of the command line."""
    raw = argparse.RawDescriptionHelpFormatter
    keys = commands.add_parser(
        "keys", help="make, list, rotate and revoke API keys", description=DESCRIPTION, epilog=EXAMPLES,
        formatter_class=raw,
    )  # fmt: skip
    file = argparse.ArgumentParser(add_help=False)
    file.add_argument(
        "--file",
        type=Path,
        metavar="PATH",
        help=f"the file of the keys ({variable('keys')}, or {KEYS_FILE} in {variable('state')} or ./state)",
    )
    actions = keys.add_subparsers(required=True, metavar="ACTION")
    _register_add(actions, file)
    _register_list(actions, file)
    _register_revoke(actions, file)
    _register_rotate(actions, file)


def run(options: argparse.Namespace) -> int:
    """Runs one of the commands.

    Args:
        options: As parsed by what `register` added.

    Returns:
        The exit status: 0 done, 1 refused.
    """
    action: Callable[[argparse.Namespace, KeyFile], None] = options.action
    file = KeyFile(options.file or _Place().file)
    try:
        action(options, file)
    except (KeyFileError, _NotPrinted) as error:
        _say(f"melanoserve: {error}")
    except OSError as error:
        _say(f"melanoserve: {error.filename or file.path}: {error.strerror or error}.")
    else:
        return 0
    return 1


def _add(options: argparse.Namespace, file: KeyFile) -> None:
    lifetime = None if options.expires_days is None else timedelta(days=options.expires_days)
    scopes = options.scope or ["infer"]
    issued = file.add(options.name, scopes, lifetime=lifetime, rate_per_minute=options.rate_per_minute)
    _show(issued, file)


def _rotate(options: argparse.Namespace, file: KeyFile) -> None:
    issued = file.rotate(options.id, keep=timedelta(hours=options.keep_hours))
    _show(issued, file)
    previous = issued.stored.previous
    _say(f"Its old secret is valid until {_time(previous.expires)}." if previous else "Its old secret ends at once.")


def _revoke(options: argparse.Namespace, file: KeyFile) -> None:
    stored = file.revoke(options.id)
    _say(f"The key {options.id} of {stored.name} is revoked.")
    if not read_keys(file.path):
        _say(
            f"{file.path} has no key any more. A running service now refuses every request; at its next start it "
            "listens on this machine only, and asks nobody for a key."
        )


def _list(_: argparse.Namespace, file: KeyFile) -> None:
    keys = read_keys(file.path)
    if not keys:
        _say(f"{file.path} has no key.")
        return
    rows = [_COLUMNS, *(_row(key_id, stored) for key_id, stored in keys.items())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    _print("\n".join(lines))


def _row(key_id: str, stored: StoredKey) -> tuple[str, ...]:
    now = datetime.now(UTC)
    ended = stored.expires is not None and stored.expires <= now
    previous = stored.previous
    return (
        key_id,
        stored.name,
        ",".join(stored.scopes),
        _time(stored.created),
        ("" if stored.expires is None else _time(stored.expires)) + (" (expired)" if ended else ""),
        "" if stored.rate_per_minute is None else str(stored.rate_per_minute),
        "" if previous is None or previous.expires <= now else _time(previous.expires),
    )


def _show(issued: Issued, file: KeyFile) -> None:
    """The key alone on standard output, and what there is to know of it beside."""
    try:
        _print(issued.text)
    except _NotPrinted:
        _say(f"The key {issued.id} could not be shown, and nobody can look it up: revoke it, or rotate it once more.")
        raise
    stored = issued.stored
    until = "does not expire" if stored.expires is None else f"expires at {_time(stored.expires)}"
    rate = "" if stored.rate_per_minute is None else f", {stored.rate_per_minute} requests a minute"
    _say(f"The key {issued.id} of {stored.name} ({', '.join(stored.scopes)}{rate}) is in {file.path} and {until}.")
    _say("It is shown only this once.")


def _print(text: str) -> None:
    try:
        print(text, flush=True)
    except OSError as error:
        # It is still in the buffer, and Python would try again when it ends, and complain in its own way.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise _NotPrinted(f"standard output: {error.strerror}.") from error


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _time(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S %Z}"


def _as(adapter: TypeAdapter[Any], form: str) -> Callable[[str], object]:
    """Checks an argument. A wrong one is not repeated: instead of an ID, it may be a whole key."""

    def parse(text: str) -> object:
        try:
            return adapter.validate_python(text)
        except ValidationError:
            raise argparse.ArgumentTypeError(f"give {form}") from None

    return parse


_name = _as(TypeAdapter(OwnerName), "1 to 64 letters, digits, spaces, '.', '_' or '-', and no space first")
_key_id = _as(TypeAdapter(KeyId), "the 8 characters between the first and the second '_' of the key")
_rate = _as(TypeAdapter(RatePerMinute), "a whole number from 1 to 1000000")
_days = _as(TypeAdapter(Annotated[int, Field(ge=1, le=LONGEST.days)]), f"a whole number from 1 to {LONGEST.days}")
_hours = _as(
    TypeAdapter(Annotated[int, Field(ge=0, le=LONGEST.days * 24)]), f"a whole number from 0 to {LONGEST.days * 24}"
)


def _register_add(actions: "_Commands", file: argparse.ArgumentParser) -> None:
    action = actions.add_parser(
        "add", parents=[file], help="make a key and print it once", description="Makes a key and prints it once."
    )
    action.add_argument("--name", type=_name, required=True, help="who owns it: letters, digits, spaces and . _ -")
    action.add_argument(
        "--scope", choices=SCOPES, action="append",
        help="what it allows, may be repeated: infer asks about images (the default), admin changes what is served, "
        "audit reads the audit trail; none includes another",
    )  # fmt: skip
    action.add_argument(
        "--expires-days", type=_days, metavar="N", help="after how many days it ends; without it, never"
    )
    action.add_argument(
        "--rate-per-minute", type=_rate, metavar="N",
        help="requests a minute on average, as many of them at once; more are answered with 429 and when to come back; "
        "without it, any number",
    )  # fmt: skip
    action.set_defaults(action=_add)


def _register_list(actions: "_Commands", file: argparse.ArgumentParser) -> None:
    action = actions.add_parser("list", parents=[file], help="show every key, without its secret")
    action.set_defaults(action=_list)


def _register_revoke(actions: "_Commands", file: argparse.ArgumentParser) -> None:
    action = actions.add_parser("revoke", parents=[file], help="end a key at once, with every secret that it has")
    action.add_argument("id", type=_key_id, metavar="ID", help="the 8 characters after msk_; see `keys list`")
    action.set_defaults(action=_revoke)


def _register_rotate(actions: "_Commands", file: argparse.ArgumentParser) -> None:
    action = actions.add_parser(
        "rotate", parents=[file], help="give a key a new secret and print it once",
        description="Gives a key a new secret and prints it once. ID, owner, scopes and rate stay; a key that expires "
        "is valid for as long again as it was at first.",
    )  # fmt: skip
    action.add_argument("id", type=_key_id, metavar="ID", help="the 8 characters after msk_; see `keys list`")
    action.add_argument(
        "--keep-hours", type=_hours, default=KEEP_HOURS, metavar="H",
        help="how long the old secret stays valid, to give its owner time to change over; 0 ends it at once "
        "(default %(default)s)",
    )  # fmt: skip
    action.set_defaults(action=_rotate)
