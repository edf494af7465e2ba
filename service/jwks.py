"""The public keys of an issuer of access tokens (a JSON Web Key Set), from a URL or a file, kept up to date.

A key that is not known yet is looked for at once, but not more often than every few seconds, so that made-up tokens
cannot make us ask the issuer all the time. Before a key counts that was read some minutes ago, the issuer is asked
whether it still has it. While the issuer is down its keys count for another hour; after that, and if it was never
reached, no token can be checked, and none is accepted.
"""

import asyncio
import json
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from anyio.to_thread import run_sync
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from service import log
from service.access_problems import IssuerUnavailable
from service.settings import is_loopback

ASK_EVERY = 5.0
"""Seconds between two questions to the issuer, whatever the answer was."""

RENEW = 240.0
"""Seconds after which the keys are asked for again while they go on counting: where requests come all the time, none
waits for the issuer."""

FRESH = 300.0
"""Seconds for which keys count without a word from the issuer: so long a key that it withdrew may still be accepted."""

STALE = 3600.0
"""Seconds for which keys count while the issuer does not answer."""

AWAY = 60.0
"""Seconds for which an issuer that did not answer is asked again without anybody waiting for it."""

WAIT = 3.0
"""Seconds that a request whose key is known waits for the issuer's word; one whose key is not, TIMEOUT."""

TIMEOUT = 5.0
MOST_BYTES = 262_144
SMALLEST_RSA = 2048

ALGORITHMS: Mapping[str, tuple[str, ...]] = {"RSA": ("RS256", "RS384"), "P-256": ("ES256",), "P-384": ("ES384",)}
"""By type of key, or curve. Signatures with a shared secret (HS*) are not among them, nor is `none`."""

UNAVAILABLE = "The keys of the token's issuer cannot be read, so the token cannot be checked."


class UnusableKeys(Exception):
    """What the issuer sent is no key set; the text is for operators."""


@dataclass(frozen=True)
class VerificationKey:
    """A key of the issuer's, and the algorithms that signatures by it may have."""

    key: Any
    algorithms: tuple[str, ...]


Keys = Mapping[str, VerificationKey]


class Jwks:
    """An issuer's keys by their `kid`. It lives on the event loop; asking the issuer happens in a thread."""

    def __init__(self, source: str, on_change: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        """Asks nothing yet.

        Args:
            source: A URL, or the path of a file.
            on_change: Called when the keys are no longer what they were.
            clock: Seconds that never go back.
        """
        self._source, self._on_change, self._clock = source, on_change, clock
        self._keys: Keys = {}
        self._identity: object = None
        self._asked_at = self._known_at = self._failed_at = -math.inf
        self._trouble: str | None = None
        self._asking: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> VerificationKey | None:
        """The issuer's key of this name; None if it has none.

        Raises:
            IssuerUnavailable: Nobody knows: the issuer does not answer.
        """
        age = self._age()
        if kid in self._keys and age <= FRESH:
            if age > RENEW:
                self._ask()
            return self._keys[kid]
        unanswered = await self._wait(known=kid in self._keys and age < STALE)
        if self._age() >= STALE or (kid not in self._keys and (unanswered or self._trouble is not None)):
            raise IssuerUnavailable(UNAVAILABLE)
        return self._keys.get(kid)

    def _age(self) -> float:
        return self._clock() - self._known_at

    async def _wait(self, *, known: bool) -> bool:
        """Asks, and waits a little for the answer; returns whether it is still to come.

        Args:
            known: Whether there is a key that counts if the issuer does not answer.
        """
        asking = self._ask()
        if asking is None:
            return False
        if not (known and self._clock() - self._failed_at < AWAY):
            # It goes on for the others, and for who comes later, where one gives up.
            await asyncio.wait([asking], timeout=WAIT if known else TIMEOUT)
        return not asking.done()

    def _ask(self) -> asyncio.Task[None] | None:
        """Begins to ask, unless that was done a moment ago; what is under way is waited for by all."""
        if self._asking is not None and not self._asking.done():
            return self._asking
        if self._clock() - self._asked_at < ASK_EVERY:
            return None
        self._asked_at = self._clock()
        self._asking = asyncio.create_task(self._refresh())
        return self._asking

    async def _refresh(self) -> None:
        try:
            data = await run_sync(read_source, self._source)
            keys = usable_keys(data)
        except Exception as error:  # noqa: BLE001 - odd addresses, of the issuer or of a proxy, raise almost anything
            # Of what is not ours the type alone: its text may quote an address with a password in it.
            reason = str(error) if isinstance(error, UnusableKeys) else type(error).__name__
            if reason != self._trouble:
                log.event("issuer_unavailable", logging.ERROR, reason=reason)
            self._trouble, self._failed_at = reason, self._clock()
            return
        # The issuer did answer: without a key, those that we had are withdrawn.
        trouble = None if keys else "it has no key that we can check signatures with"
        if trouble is not None and trouble != self._trouble:
            log.event("issuer_unavailable", logging.ERROR, reason=trouble)
        self._trouble, self._known_at = trouble, self._clock()
        if data != self._identity:
            self._identity, self._keys = data, keys
            log.event("issuer_keys_read", keys=len(keys))
            self._on_change()


def read_source(source: str) -> bytes:
    """What a URL or a file holds; blocking.

    Raises:
        UnusableKeys: The answer is not a 200, too long, or takes too long.
        OSError, httpx.HTTPError: It cannot be had.
    """
    if not source.lower().startswith(("https://", "http://")):
        data = bytearray(Path(source).read_bytes())
        _check_size(data)
        return bytes(data)
    until = time.monotonic() + TIMEOUT
    data = bytearray()
    headers = {"Accept": "application/json"}
    with (
        httpx.Client(timeout=TIMEOUT, headers=headers, mounts=_without_proxy(source)) as client,
        client.stream("GET", source) as answer,
    ):
        if answer.status_code != httpx.codes.OK:
            raise UnusableKeys(f"the issuer answered {answer.status_code}")
        for chunk in answer.iter_bytes():
            data += chunk
            if time.monotonic() > until:
                raise UnusableKeys(f"the issuer took longer than {TIMEOUT:g} seconds")
            _check_size(data)
    return bytes(data)


def _without_proxy(source: str) -> dict[str, None]:
    """For whom no proxy is asked: what is on this machine a proxy would look for on its own, and whoever is there, or
    on the way, could give us keys."""
    return {"http://": None, "https://": None} if is_loopback(httpx.URL(source).host) else {}


def _check_size(data: bytearray) -> None:
    if len(data) > MOST_BYTES:
        raise UnusableKeys(f"the key set is larger than {MOST_BYTES} bytes")


def usable_keys(data: bytes) -> Keys:
    """The keys of a set that signatures can be checked with; those for other purposes are left out.

    Args:
        data: A JSON Web Key Set (RFC 7517).

    Raises:
        UnusableKeys: It is none.
    """
    try:
        listed = json.loads(data)["keys"]
    except (ValueError, KeyError, TypeError, RecursionError):
        listed = None
    if not isinstance(listed, list):
        raise UnusableKeys("it is no key set")
    jwks = [jwk for jwk in listed if isinstance(jwk, dict) and isinstance(jwk.get("kid"), str)]
    return {jwk["kid"]: key for jwk in jwks if (key := _usable(jwk))}


def _usable(jwk: Mapping[str, Any]) -> VerificationKey | None:
    kind = jwk.get("kty") if jwk.get("kty") == "RSA" else jwk.get("crv")
    algorithms = ALGORITHMS.get(str(kind), ())
    if "alg" in jwk:
        algorithms = tuple(name for name in algorithms if name == jwk["alg"])
    if not algorithms or jwk.get("kty") not in ("RSA", "EC") or jwk.get("use", "sig") != "sig":
        return None
    public = {name: value for name, value in jwk.items() if name in ("kty", "n", "e", "crv", "x", "y")}
    try:
        key = PyJWK.from_dict(public, algorithms[0]).key
    except (PyJWTError, ValueError, TypeError, KeyError):
        return None  # the others of the set may do
    if kind == "RSA" and key.key_size < SMALLEST_RSA:
        return None
    return VerificationKey(key, algorithms)
