"""The API keys of a running service: who asks, whether that is allowed, and whether it is too often.

The file of the keys is looked at while requests come in, so a key that is added, rotated or revoked counts within
half a second, without a restart. Whatever happens to the file, the service is never opened by it: damaged, it answers
nobody until it is repaired; deleted, it knows nobody.
"""

from __future__ import annotations

import hmac
import logging
import math
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from service import log
from service.access_problems import (
    ConflictingCredentials,
    InsufficientScope,
    KeyExpired,
    KeysUnreadable,
    RateLimited,
    Unauthorized,
)
from service.key_file import (
    Replaced,
    Scope,
    StoredKey,
    UnreadableKeyFile,
    hashed,
    parsed,
    read_keys,
    writable_by_others,
)
from service.rate_limit import TokenBucket

if TYPE_CHECKING:
    from starlette.datastructures import Headers

LOOK_EVERY = 0.5

NO_KEY = (
    "Nothing was sent that says who asks. Send an API key as Authorization: Bearer KEY or as X-API-Key: KEY; an access "
    "token, where they are taken, as Authorization: Bearer TOKEN."
)
INVALID_KEY = "The API key is not valid."

# Within the resolution of a file system's clock, a file can change twice and look the same.
_SETTLED_AFTER_NS = 1_000_000_000

_BEGINNING = datetime.min.replace(tzinfo=UTC)
# Compared with where there is nothing to compare with. Nobody knows what these are the hashes of.
_NO_SECRET = Replaced(sha256=secrets.token_hex(32), expires=_BEGINNING)
_NOBODY = StoredKey(name="nobody", sha256=secrets.token_hex(32), scopes=("infer",), created=_BEGINNING)


@dataclass(frozen=True)
class Key:
    """Who asks: safe to keep and to log."""

    id: str
    name: str
    scopes: frozenset[Scope]


@dataclass(frozen=True)
class _Entry:
    key: Key
    stored: StoredKey
    bucket: TokenBucket | None


class KeyRing:
    """The keys of one file. Safe to use from many threads; a call takes a few microseconds and never waits long."""

    def __init__(
        self, path: Path, *, required: bool = False, processes: int = 1, look_every: float = LOOK_EVERY
    ) -> None:
        """Nothing is read before the first use.

        Args:
            path: The file; it need not exist.
            required: Whether keys are demanded although the file has none. For an address that others reach: the file
                may have gone since somebody looked, and a process that takes another's place never saw it.
            processes: How many processes serve on the same port: each lets through its share of a key's rate.
            look_every: Seconds for which the file is not looked at again.
        """
        self._path = path
        self._processes = processes
        self._look_every = look_every
        self._lock = Lock()
        self._look_at = -math.inf
        self._signature: tuple[int, ...] | None = None
        self._found: dict[str, StoredKey] | str | None = None
        self._writable = False
        self._entries: Mapping[str, _Entry] | None = None
        self._buckets: dict[str, TokenBucket] = {}
        self._configured = required

    @property
    def configured(self) -> bool:
        """Whether keys are demanded. Once True it stays True.

        They are required, or the file has a key, had one since this object was made, or cannot be read, so that nobody
        knows.
        """
        self.look()
        return self._configured

    @property
    def trouble(self) -> str | None:
        """Why nobody is let in by a key, whichever it is; None where somebody may be."""
        return None if self._look() is not None else "The API keys cannot be read; the log says why."

    def look(self) -> None:
        """Notices what became of the file, as every use does: a key that came and went between two uses counts, too."""
        self._look()

    def authorise(self, headers: Headers, scope: Scope) -> Key:
        """Finds out who asks, and counts the request.

        Args:
            headers: The request's.
            scope: What the request needs.

        Returns:
            The key, which is valid, has the scope and is within its rate.

        Raises:
            KeysUnreadable: The file is damaged, whatever was sent.
            ConflictingCredentials: Two different keys were sent.
            Unauthorized: No key was sent, or none that is valid.
            KeyExpired: It was valid once.
            InsufficientScope: It does not have the scope.
            RateLimited: It was used too often.
        """
        entries = self._look()
        if entries is None:
            raise KeysUnreadable("The service cannot read its API keys; its log says why.")
        entry = _proven(entries, credential_of(headers))
        if scope not in entry.key.scopes:
            raise InsufficientScope(f"The API key {entry.key.id} does not have the scope {scope!r}.", scope=scope)
        wait = 0.0 if entry.bucket is None else entry.bucket.take()
        if wait > 0:
            rate = entry.stored.rate_per_minute
            raise RateLimited(
                f"The API key {entry.key.id} may send {rate} requests at once, and then {rate} a minute.", wait=wait
            )
        return entry.key

    def _look(self) -> Mapping[str, _Entry] | None:
        """The keys as they are now, None if they cannot be read."""
        if time.monotonic() >= self._look_at:
            with self._lock:
                if time.monotonic() >= self._look_at:
                    self._refresh()
                    self._look_at = time.monotonic() + self._look_every
        return self._entries

    def _refresh(self) -> None:
        signature = _signature(self._path)
        if signature is not None and signature == self._signature:
            return
        try:
            found = read_keys(self._path)
        except UnreadableKeyFile as error:
            self._configured = True
            self._signature = self._entries = None
            self._note(str(error))
            return
        if found:
            self._configured = True
        self._buckets = {
            key_id: self._bucket(key_id, stored.rate_per_minute)
            for key_id, stored in found.items()
            if stored.rate_per_minute is not None
        }
        self._entries = {
            key_id: _Entry(Key(key_id, stored.name, frozenset(stored.scopes)), stored, self._buckets.get(key_id))
            for key_id, stored in found.items()
        }
        self._signature = signature
        self._note(found)
        self._note_who_may_write()

    def _bucket(self, key_id: str, rate_per_minute: int) -> TokenBucket:
        """The one that the key has: a change to the file must not fill it up."""
        share = rate_per_minute / self._processes
        before = self._buckets.get(key_id)
        return before if before is not None and before.per_minute == share else TokenBucket(share)

    def _note(self, found: dict[str, StoredKey] | str) -> None:
        """Logs what was found, unless it is what was found before."""
        if found == self._found:
            return
        first, self._found = self._found is None, found
        if first and not found and not self._configured:
            return  # there never was a key: whoever starts the service says what follows from that
        if isinstance(found, str):
            log.event("keys_unreadable", logging.ERROR, reason=found)
        else:
            nobody_left = self._configured and not found
            log.event("keys_read", logging.WARNING if nobody_left else logging.INFO, keys=len(found))

    def _note_who_may_write(self) -> None:
        """Warns, once for each time that it became so, of a file that others can write keys of their own into."""
        before, self._writable = self._writable, writable_by_others(self._path)
        if self._writable and not before:
            advice = "others than its owner may write to it, and so make keys: chmod 600"
            log.event("keys_writable", logging.WARNING, file=str(self._path), advice=advice)


def credential_of(headers: Headers) -> str:
    """What a request says of who asks.

    Raises:
        ConflictingCredentials: Two different things.
        Unauthorized: Nothing.
    """
    given = {value.strip() for value in headers.getlist("x-api-key")}
    for value in headers.getlist("authorization"):
        # Another scheme is not meant for us: a proxy in front may have users of its own.
        scheme, _, token = value.partition(" ")
        if scheme.lower() == "bearer":
            given.add(token.strip())
    given.discard("")
    if len(given) > 1:
        raise ConflictingCredentials("Two different API keys or access tokens were sent; send one.")
    if not given:
        raise Unauthorized(NO_KEY)
    return given.pop()


def looks_like_token(credential: str) -> bool:
    """Whether a credential may be a JWT: three parts, which no API key has."""
    return credential.count(".") == 2


def _proven(entries: Mapping[str, _Entry], credential: str) -> _Entry:
    """The entry whose secret was sent."""
    key_id, secret = parsed(credential) or ("", "")
    entry = entries.get(key_id)
    # The same work whether or not there is such an id, so that the time it takes does not tell.
    stored = _NOBODY if entry is None else entry.stored
    previous = stored.previous or _NO_SECRET
    digest = hashed(secret)
    is_current = hmac.compare_digest(digest, stored.sha256)
    is_previous = hmac.compare_digest(digest, previous.sha256)
    if entry is None or not (is_current or is_previous):
        raise Unauthorized(INVALID_KEY, error="invalid_token")
    expires = stored.expires if is_current else previous.expires
    if expires is not None and datetime.now(UTC) >= expires:
        what = "expired" if is_current else "was given a new secret, and the old one expired"
        raise KeyExpired(f"The API key {key_id} {what} at {expires:%Y-%m-%d %H:%M:%S %Z}.")
    return entry


def _signature(path: Path) -> tuple[int, ...] | None:
    """Differs when the file does; None while it cannot be relied on for that."""
    try:
        found = path.stat()
    except OSError as error:
        return (error.errno or 0,)
    if time.time_ns() - found.st_ctime_ns < _SETTLED_AFTER_NS:
        return None
    # The time of the last change of its state as well: who may read it is part of what we need to know.
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
