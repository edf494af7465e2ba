"""What both clients do about connections."""

from __future__ import annotations

import httpx

from client.errors import NotReachable


def headers_of(key: str | None) -> dict[str, str]:
    """What every request has."""
    return {"Accept": "application/json"} | ({} if key is None else {"Authorization": f"Bearer {key}"})


def address_of(url: str) -> httpx.URL:
    """The address of a service.

    Raises:
        NotReachable: It is none.
    """
    try:
        found = httpx.URL(url)
    except httpx.InvalidURL:
        found = httpx.URL()
    if found.scheme not in ("http", "https") or not found.host:
        raise NotReachable(f"{url!r} is not the address of a service, such as http://127.0.0.1:8000")
    return found


def unreachable(error: httpx.TransportError, url: httpx.URL) -> NotReachable:
    """The error that a failed connection is, in words that say what to look at."""
    if isinstance(error, httpx.ConnectError):
        return NotReachable(f"nothing listens at {url}: is the service running, and is the address right?")
    if isinstance(error, httpx.TimeoutException):
        return NotReachable(f"{url} did not answer in time")
    return NotReachable(f"the connection to {url} ended before the answer: {error}")
