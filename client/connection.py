"""What both clients do about connections."""

from __future__ import annotations

import httpx

from client.errors import MelanoserveError, NotReachable, UnexpectedAnswer

NO_PROXY_FOR = {f"all://{host}": None for host in ("127.0.0.1", "localhost", "[::1]")}
"""What httpx, unlike others, would ask by the proxy that HTTP_PROXY names: images and key would leave the machine."""


def headers_of(key: str | None) -> dict[str, str]:
    """What every request has; white space around the key, as the end of a file's line, is left out.

    Raises:
        MelanoserveError: The key has characters that no key has.
    """
    headers = {"Accept": "application/json"}
    if key is None:
        return headers
    key = key.strip()
    if not (key.isascii() and key.isprintable()):
        raise MelanoserveError("the key has characters that no key has: was another file read for it?")
    return headers | {"Authorization": f"Bearer {key}"}


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


def failed(error: httpx.RequestError, url: httpx.URL) -> MelanoserveError:
    """The error that a failed request is, in words that say what to look at."""
    if isinstance(error, httpx.ConnectError):
        return NotReachable(f"nothing listens at {url}: is the service running, and is the address right?")
    if isinstance(error, httpx.TimeoutException):
        return NotReachable(f"{url} did not answer in time")
    if isinstance(error, httpx.DecodingError):
        return UnexpectedAnswer(f"what {url} answered is not encoded as it says")
    if isinstance(error, httpx.LocalProtocolError):
        # Its text quotes what was to be sent.
        return UnexpectedAnswer(f"a request that HTTP does not allow was not sent to {url}")
    return NotReachable(f"the connection to {url} ended before the answer: {error}")


def at_least(seconds: float, usual: httpx.Timeout) -> httpx.Timeout:
    """The usual timeouts, with so many seconds for the answer at least."""
    read = None if usual.read is None else max(usual.read, seconds)
    return httpx.Timeout(connect=usual.connect, read=read, write=usual.write, pool=usual.pool)
