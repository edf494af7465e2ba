"""OAuth 2.0 access tokens beside the API keys: JWTs (RFC 9068) that an OpenID Connect provider signed.

What a token allows its scopes say: `melanoserve/infer`, `melanoserve/admin` and so on, one for each scope that a key
can have; and, since an authorization server after SMART on FHIR knows no others, `system/DiagnosticReport.c` for
`infer`.
"""

import hashlib
import re
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from service.access_problems import InsufficientScope, InvalidToken, RateLimited, TokenExpired
from service.jwks import Jwks, VerificationKey
from service.key_file import SCOPES, Scope
from service.keys import Key
from service.rate_limit import TokenBucket

LEEWAY = 30
"""Seconds by which the clocks of issuer and service may differ."""

MOST_BYTES = 8192
MOST_KEPT = 10_000
"""Tokens whose signature is not checked again, and subjects whose rate is known."""

PREFIX = "melanoserve/"
TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
CLAIMS = ("iss", "aud", "exp", "iat", "sub")

# SMART App Launch 2: system/RESOURCE.PERMISSIONS, with permissions out of "cruds" in that order.
_SMART = re.compile(r"system/DiagnosticReport\.cr?u?d?s?")
_LOGGABLE = re.compile(r"[A-Za-z0-9._@:|-]{1,64}")

INVALID = "The access token is not valid."


@dataclass(frozen=True)
class Expected:
    """What a token must say.

    Attributes:
        issuer: Who signed it.
        audience: For whom; it must name us.
        rate_per_minute: Requests that one subject may send at once, and then a minute; None for any number.
    """

    issuer: str
    audience: str
    rate_per_minute: float | None = None


@dataclass(frozen=True)
class _Checked:
    kid: str
    key: Key
    subject: str
    expires: float


class Tokens:
    """Checks access tokens. It lives on the event loop; a token that was seen before takes a few microseconds."""

    def __init__(self, expected: Expected, source: str) -> None:
        """Asks the issuer nothing yet.

        Args:
            expected: What a token must say.
            source: Where the issuer's keys are: a URL, or a file.
        """
        self._expected = expected
        self._checked: OrderedDict[bytes, _Checked] = OrderedDict()
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()
        # A token whose key was withdrawn must not live on in our memory.
        self._jwks = Jwks(source, self._checked.clear)

    async def authorise(self, token: str, scope: Scope) -> Key:
        """Finds out who asks, and counts the request.

        Args:
            token: As it was sent.
            scope: What the request needs.

        Returns:
            Who sent it; the token is valid, has the scope, and its subject is within the rate.

        Raises:
            InvalidToken: It is not valid; TokenExpired if it was.
            IssuerUnavailable: It cannot be checked now.
            InsufficientScope: It does not have the scope.
            RateLimited: Its subject asked too often.
        """
        digest = hashlib.sha256(token.encode()).digest()
        checked = self._checked.get(digest)
        if checked is None:
            checked = await self._check(token)
            _keep(self._checked, digest, checked)
        elif checked.expires <= time.time():
            del self._checked[digest]
            raise TokenExpired("The access token has expired.")
        elif await self._jwks.find(checked.kid) is None:  # asked each time, or the keys would grow old unnoticed
            raise InvalidToken(INVALID)
        elif digest not in self._checked:  # the keys have just changed, and there may be another of that name
            checked = await self._check(token)
            _keep(self._checked, digest, checked)
        if scope not in checked.key.scopes:
            raise InsufficientScope(f"The access token does not have the scope {PREFIX}{scope}.", scope=PREFIX + scope)
        self._count(checked.subject)
        return checked.key

    async def _check(self, token: str) -> _Checked:
        header = _header(token)
        found = await self._jwks.find(header["kid"])
        if found is None or header["alg"] not in found.algorithms:
            raise InvalidToken(INVALID)
        try:
            claims = self._claims(token, found)
        except jwt.ExpiredSignatureError:
            self._claims(token, found, whenever=True)  # of one that was never for us nobody is told that it has expired
            raise TokenExpired("The access token has expired.") from None
        subject = claims["sub"]
        if not subject or not isinstance(subject, str):
            raise InvalidToken(INVALID)
        try:
            until, name = float(claims["exp"]) + LEEWAY, loggable(subject)
        except (OverflowError, UnicodeEncodeError):
            raise InvalidToken(INVALID) from None
        key = Key(name, name, frozenset(granted(claims)))
        return _Checked(header["kid"], key, subject, until)

    def _claims(self, token: str, found: VerificationKey, *, whenever: bool = False) -> dict[str, Any]:
        """What a token says, which is true and for us.

        Args:
            token: As it was sent.
            found: The key that it should be signed with.
            whenever: Also if it has expired.

        Raises:
            jwt.ExpiredSignatureError: It has expired.
            InvalidToken: It is not valid otherwise.
        """
        try:
            return jwt.decode(
                token,
                found.key,
                algorithms=list(found.algorithms),
                issuer=self._expected.issuer,
                audience=self._expected.audience,
                leeway=LEEWAY,
                options={"require": list(CLAIMS), "verify_exp": not whenever},
            )
        except jwt.ExpiredSignatureError:
            raise
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
            raise InvalidToken(INVALID) from None

    def _count(self, subject: str) -> None:
        rate = self._expected.rate_per_minute
        if rate is None:
            return
        bucket = self._buckets.get(subject) or TokenBucket(rate)
        _keep(self._buckets, subject, bucket)
        wait = bucket.take()
        if wait > 0:
            raise RateLimited("The subject of the access token sends more requests than its rate allows.", wait=wait)


def granted(claims: Mapping[str, Any]) -> Iterator[Scope]:
    """The scopes that a token's claims grant: `scope` as RFC 8693 has it, or `scp` as some providers do."""
    said = claims.get("scope", claims.get("scp", ""))
    if isinstance(said, str):
        said = said.split()
    names = [one for one in said if isinstance(one, str)] if isinstance(said, list) else []
    for scope in SCOPES:
        if PREFIX + scope in names or (scope == "infer" and any(map(_SMART.fullmatch, names))):
            yield scope


def loggable(subject: str) -> str:
    """What the log calls a subject: its own name, or where that could be anything, a name made from its hash."""
    if _LOGGABLE.fullmatch(subject):
        return f"sub:{subject}"
    return f"sub-sha256:{hashlib.sha256(subject.encode()).hexdigest()[:16]}"


def _header(token: str) -> dict[str, str]:
    """The header, before anything is known to be true of it; its `kid` and `alg` are texts."""
    try:
        header = jwt.get_unverified_header(token) if len(token) <= MOST_BYTES else {}
    except (jwt.PyJWTError, ValueError, RecursionError):
        header = {}
    usual = str(header.get("typ", "jwt")).lower() in TYPES and "crit" not in header
    if not usual or not isinstance(header.get("kid"), str) or not isinstance(header.get("alg"), str):
        raise InvalidToken(INVALID)
    return header


def _keep(kept: OrderedDict[Any, Any], name: object, value: object) -> None:
    """Keeps it as the newest, and forgets the oldest of too many."""
    kept[name] = value
    kept.move_to_end(name)
    if len(kept) > MOST_KEPT:
        kept.popitem(last=False)
