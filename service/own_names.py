"""By which names a service without keys may be called.

It trusts whoever asks from this machine, and a browser on this machine runs pages of strangers. A page may not read
what another site answers; but whoever owns its name can let that name lead to 127.0.0.1 (DNS rebinding), and then the
service is the page's own site: it could read answers and move labels. Only the Host of its requests still has the
page's name.
"""

import ipaddress
import re
from functools import lru_cache

from starlette.datastructures import Headers

from service.access_problems import ForeignHost
from service.settings import variable

# A name or an IPv4 address, or an IPv6 address in brackets; and a port.
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([\w.-]*))(?::[0-9]*)?", re.ASCII)

_NOBODYS = (
    "localhost", "test", "example", "invalid", "local", "internal", "home.arpa", "example.com", "example.net",
    "example.org",
)  # fmt: skip
"""What cannot be had from a registrar (RFC 2606, 6761, 6762, 8375; ICANN keeps `internal` for private use)."""


def check_host(headers: Headers) -> None:
    """Lets pass who calls the service by no stranger's name; no page can leave its own name out.

    Raises:
        ForeignHost: It is called by a name that somebody else could own.
    """
    if not all(map(is_nobodys, headers.getlist("host"))):
        raise ForeignHost(
            "Without API keys the service does not answer to a name that somebody else could own and let lead to it. "
            "Call it localhost, by an address or by a name without a dot, or make a key with `melanoserve keys add`; "
            f"behind a proxy that authenticates set {variable('allow_remote_without_keys')}."
        )


@lru_cache(8)
def is_nobodys(host: str) -> bool:
    """Whether a Host header, at whatever port, is no name that a stranger could own.

    An address is its own site, which no name makes another's; a name without a dot, and those that nobody can register,
    mean something on this machine or in its network alone.
    """
    found = _HOST.fullmatch(host)
    if found is None:
        return False
    name = (found[1] or found[2] or "").lower().removesuffix(".")
    return "." not in name or _is_address(name) or any(f".{name}".endswith(f".{end}") for end in _NOBODYS)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
