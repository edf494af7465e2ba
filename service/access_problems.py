"""What is wrong with who asks: no key or token, a wrong one, one that does not allow this, or none that can be checked.

Problem
  x ConflictingCredentials (400)
  x Unauthorized (401)                + KeyExpired + InvalidToken + TokenExpired
  x InsufficientScope (403)
  x ForeignHost (403)
  x RateLimited (429, retryable)
  x KeysUnreadable (503, retryable)
  x IssuerUnavailable (503, retryable)
"""

import math

from service.problems import Kind, Problem

CHALLENGE = 'Bearer realm="melanoserve"'


class ConflictingCredentials(Problem):
    """Two different API keys or tokens: nobody said which one the request should be counted and logged for."""

    kind = Kind("conflicting_credentials", 400, "The request has two different API keys or access tokens")


class Unauthorized(Problem):
    """No API key or access token, or no key that is known; which part of it is wrong is not told."""

    kind = Kind("unauthorized", 401, "A valid API key or access token is needed")

    def __init__(self, detail: str, *, error: str = "") -> None:
        """Says what RFC 6750 says: `error` names what is wrong with what was sent, and is empty if nothing was."""
        super().__init__(detail, headers={"WWW-Authenticate": CHALLENGE + (f', error="{error}"' if error else "")})


class KeyExpired(Unauthorized):
    """Told only to whoever has the key's secret."""

    kind = Kind("key_expired", 401, "The API key has expired")

    def __init__(self, detail: str) -> None:
        super().__init__(detail, error="invalid_token")


class InvalidToken(Unauthorized):
    """An access token that is not valid: of another issuer, for somebody else, or not signed as it must be."""

    kind = Kind("invalid_token", 401, "The access token is not valid")

    def __init__(self, detail: str) -> None:
        super().__init__(detail, error="invalid_token")


class TokenExpired(InvalidToken):
    """Told only of a token that is valid otherwise."""

    kind = Kind("token_expired", 401, "The access token has expired")


class InsufficientScope(Problem):
    """The API key or access token is valid and does not allow this."""

    kind = Kind("insufficient_scope", 403, "What was sent does not allow this")

    def __init__(self, detail: str, *, scope: str) -> None:
        super().__init__(
            detail, headers={"WWW-Authenticate": f'{CHALLENGE}, error="insufficient_scope", scope="{scope}"'}
        )


class ForeignHost(Problem):
    """The service has no keys and was called by a name that somebody else could own: a page of strangers may ask."""

    kind = Kind("foreign_host", 403, "The service is not called so")


class RateLimited(Problem):
    """Who asks did so too often; its own Retry-After says how long that lasts."""

    kind = Kind("rate_limited", 429, "Too many requests", retry_after=1)

    def __init__(self, detail: str, *, wait: float) -> None:
        super().__init__(detail, headers={"Retry-After": str(max(1, math.ceil(wait)))})


class KeysUnreadable(Problem):
    """Nobody is let in while it is not known who may come in."""

    kind = Kind("keys_unreadable", 503, "The API keys cannot be read", retry_after=5)


class IssuerUnavailable(Problem):
    """An access token that cannot be checked is not accepted."""

    kind = Kind("issuer_unavailable", 503, "The access token cannot be checked", retry_after=5)
