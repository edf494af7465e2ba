"""By which names a service without keys is called.

It trusts whoever asks from this machine, and a browser on this machine runs pages of strangers. A page may not read
what another site answers; but whoever owns its name can let that name lead to 127.0.0.1 (DNS rebinding), and then the
service is the page's own site: it could read answers and move labels. Only the Host of its requests still has its name.
"""

import re
from functools import lru_cache

from starlette.datastructures import Headers

from service.problems import ForeignHost
from service.settings import is_loopback, variable

# A name or an IPv4 address, or an IPv6 address in brackets; and a port.
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+))(?::[0-9]*)?")


def check_host(headers: Headers) -> None:
    """Lets pass who calls the service by a name of this machine; no page can leave its own name out.

    Raises:
        ForeignHost: It is called by another name.
    """
    if not all(map(names_this_machine, headers.getlist("host"))):
        raise ForeignHost(
            "Without API keys the service answers only as localhost, 127.0.0.1 or ::1. Call it so, or make a key with "
            f"`melanoserve keys add`; behind a proxy that authenticates set {variable('allow_remote_without_keys')}."
        )


@lru_cache(8)
def names_this_machine(host: str) -> bool:
    """Whether a Host header can mean this machine alone, at whatever port."""
    found = _HOST.fullmatch(host)
    return found is not None and is_loopback(found[1] or found[2])
