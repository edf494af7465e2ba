"""The file of the API keys: who may do what, and of every secret its hash only.

A key is `msk_ID_SECRET`. The id is public: lists, logs and answers name a key by it. The secret exists where its owner
keeps it; it is shown once, when it is made. The file is JSON, `{ID: {name, sha256, scopes, ...}}`, readable for its
owner only, and replaced as a whole, so that the service and the command line can use it at the same time.
"""

import fcntl
import hashlib
import json
import os
import re
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AwareDatetime, Field, RootModel, ValidationError

from model_store.manifest import Record, Sha256

KEYS_FILE = "keys.json"

Scope = Literal["infer", "admin", "audit"]
"""What a key allows: to ask about images, to change what is served, to read the audit trail. None includes others."""

SCOPES: tuple[Scope, ...] = get_args(Scope)

KeyId = Annotated[str, Field(pattern=r"^[0-9a-f]{8}$")]
OwnerName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-][A-Za-z0-9 ._-]{0,63}$")]
RatePerMinute = Annotated[int, Field(ge=1, le=1_000_000)]

SECRET_BYTES = 32
_ID = re.compile(r"[0-9a-f]{8}")
_KEY = re.compile(r"msk_([0-9a-f]{8})_([A-Za-z0-9_-]{43})")

# An end in the year 9999, written by hand, must not make the next rotation run out of calendar.
LONGEST = timedelta(days=36_500)

_PRIVATE = 0o600


class KeyFileError(Exception):
    """Base of what can be wrong with the file; the text is for operators and holds no secret and no hash."""


class UnreadableKeyFile(KeyFileError):
    """The file is damaged or cannot be opened."""


class UnknownKey(KeyFileError):
    """The file has no key of that id."""


class Replaced(Record):
    """The secret before the last rotation, which its owner may use for a while."""

    sha256: Sha256 = Field(repr=False)
    expires: AwareDatetime


class StoredKey(Record):
    """What the file keeps of one key."""

    name: OwnerName
    sha256: Sha256 = Field(repr=False)
    scopes: tuple[Scope, ...] = Field(min_length=1)
    created: AwareDatetime
    """When its secret was made."""
    expires: AwareDatetime | None = None
    rate_per_minute: RatePerMinute | None = None
    previous: Replaced | None = None


class KeysFile(RootModel[dict[KeyId, StoredKey]]):
    """Id -> key."""


@dataclass(frozen=True)
class Issued:
    """A key that was just made; `text` is the only copy of its secret."""

    id: str
    stored: StoredKey
    text: str = field(repr=False)


def hashed(secret: str) -> str:
    """The hash under which a secret is stored.

    One round of SHA-256 without a salt is right here. A slow, salted password hash makes up for secrets that people
    choose and that a dictionary holds; these are 256 random bits, which nobody finds by trying, however fast, and no
    two are alike. NIST SP 800-63B asks a salted password hash of secrets below 112 bits only, of stronger ones any
    approved one-way function (section 5.1.2.2). A slow one would cost every request tens of milliseconds, and let
    anybody keep the service busy with keys that do not exist.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def parsed(key: str) -> tuple[str, str] | None:
    """Id and secret of a key as its owner sends it; None if it cannot be one."""
    match = _KEY.fullmatch(key)
    return None if match is None else (match[1], match[2])


def read_keys(path: Path) -> dict[str, StoredKey]:
    """Every key by its id; none if there is no file.

    Raises:
        UnreadableKeyFile: It cannot be opened or understood.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UnreadableKeyFile(f"{path} cannot be read: {error.strerror}.") from error
    try:
        keys = KeysFile.model_validate_json(data).root
        json.loads(data, object_pairs_hook=_each_once)
    except ValidationError as error:
        # Not chained: the original's text quotes what it found, and somebody may have pasted a secret in there.
        raise UnreadableKeyFile(f"{path} cannot be understood: {_first_fault(error)}.") from None
    except _Twice as error:
        raise UnreadableKeyFile(f"{path} cannot be understood: {error} stands there twice.") from None
    return keys


def writable_by_others(path: Path) -> bool:
    """Whether more than its owner may write to it, and so make keys; False where nobody can tell."""
    try:
        return bool(path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH))
    except OSError:
        return False


class KeyFile:
    """Changes the file; each change is complete or has not happened, whoever else changes it at the same time."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(
        self,
        name: str,
        scopes: Sequence[Scope],
        *,
        lifetime: timedelta | None = None,
        rate_per_minute: int | None = None,
    ) -> Issued:
        """Makes a key.

        Args:
            name: Who owns it, for people: 1 to 64 letters, digits, spaces, ".", "_" and "-".
            scopes: What it allows, at least one.
            lifetime: After which it expires, at most LONGEST; None for never.
            rate_per_minute: Requests that it may send at once, and then a minute; None for any number.

        Raises:
            ValueError: A value is not one of these.
            UnreadableKeyFile: The file is damaged; it is left as it is.
            OSError: The file cannot be written.
        """
        secret, now = secrets.token_urlsafe(SECRET_BYTES), _now()
        stored = StoredKey(
            name=name,
            sha256=hashed(secret),
            scopes=tuple(scope for scope in SCOPES if scope in scopes),
            created=now,
            expires=None if lifetime is None else now + min(lifetime, LONGEST),
            rate_per_minute=rate_per_minute,
        )
        with self._changed() as keys:
            key_id = next(made for made in iter(lambda: secrets.token_hex(4), "") if made not in keys)
            keys[key_id] = stored
        return _issued(key_id, stored, secret)

    def rotate(self, key_id: str, *, keep: timedelta) -> Issued:
        """Gives a key a new secret; id, owner, scopes and rate stay, and it is valid for as long as it was at first.

        Args:
            key_id: Whose secret to replace.
            keep: How long the secret that it has now stays valid beside the new one; zero ends it at once. A secret
                that was replaced before ends at once in any case.

        Raises:
            UnknownKey: There is no such key.
            UnreadableKeyFile: The file is damaged; it is left as it is.
            OSError: The file cannot be written.
        """
        secret, now = secrets.token_urlsafe(SECRET_BYTES), _now()
        with self._changed() as keys:
            before = self._find(keys, key_id)
            previous, expires = None, None
            if keep:
                until = now + min(keep, LONGEST)
                until = until if before.expires is None else min(until, before.expires)
                previous = Replaced(sha256=before.sha256, expires=until)
            if before.expires is not None:
                expires = now + min(before.expires - before.created, LONGEST)
            stored = before.model_copy(
                update={"sha256": hashed(secret), "created": now, "expires": expires, "previous": previous}
            )
            keys[key_id] = stored
        return _issued(key_id, stored, secret)

    def revoke(self, key_id: str) -> StoredKey:
        """Removes a key, with every secret that it has, and returns what it was.

        Raises:
            UnknownKey: There is no such key.
            UnreadableKeyFile: The file is damaged; it is left as it is.
            OSError: The file cannot be written.
        """
        with self._changed() as keys:
            stored = self._find(keys, key_id)
            del keys[key_id]
        return stored

    def _find(self, keys: dict[str, StoredKey], key_id: str) -> StoredKey:
        if key_id not in keys:
            raise UnknownKey(f"{self.path} has no key with this id.")
        return keys[key_id]

    @contextmanager
    def _changed(self) -> Iterator[dict[str, StoredKey]]:
        """The keys, to be changed; they are written at the end if nothing was raised."""
        # Where the path is a link, the service reads what it leads to: that must change, and not the link.
        path = Path(os.path.realpath(self.path))
        # The lock is on the folder: a lock file could be deleted between two processes that then both hold "it".
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            keys = read_keys(path)
            yield keys
            _replace(path, (KeysFile(keys).model_dump_json(indent=2, exclude_none=True) + "\n").encode())
            # A key that was revoked must not come back when the power fails now.
            os.fsync(folder)
        finally:
            os.close(folder)


def _replace(path: Path, data: bytes) -> None:
    """Replaces a file so that a reader, or a machine that starts again, finds the old or the new content whole."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if os.geteuid() == 0:
                owner = _owner(path)
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _owner(path: Path) -> os.stat_result:
    """Who the service runs as, whom a private file of root's would lock out: whoever has the file, or the folder."""
    with suppress(FileNotFoundError):
        found = path.stat()
        if found.st_uid != 0:
            return found
    return path.parent.stat()


def _issued(key_id: str, stored: StoredKey, secret: str) -> Issued:
    return Issued(key_id, stored, f"msk_{key_id}_{secret}")


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


class _Twice(Exception):
    """A name stands twice in one object; the text says which."""


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The members of an object of the file, whose names are known to be ours; of two keys with one id the last would
    count, whatever the first allows."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Twice(twice)
    return found


def _first_fault(error: ValidationError) -> str:
    """What is wrong, and where, unless the place has a name that we did not give it."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    ours = [part for part in map(str, first["loc"]) if part in StoredKey.model_fields or _ID.fullmatch(part)]
    return f"{' '.join(ours)}: {first['msg']}" if ours else first["msg"]
