"""Where the service is: two variables, read at every start of the page."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

DEFAULT_URL = "http://127.0.0.1:8000"


class SettingsError(Exception):
    """A variable cannot be used; the text says which and why."""


@dataclass(frozen=True)
class Settings:
    """What the operator of the page decides.

    Attributes:
        url: Of the service.
        key: The API key that the page sends for everybody who looks at it; None where the service asks for none.
    """

    url: str = DEFAULT_URL
    key: str | None = field(default=None, repr=False)


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from MELANOSERVE_URL and MELANOSERVE_KEY; empty counts as not set.

    Raises:
        SettingsError: The address is none of HTTP.
    """
    url = environment.get("MELANOSERVE_URL") or DEFAULT_URL
    if not url.startswith(("http://", "https://")):
        raise SettingsError(f"MELANOSERVE_URL must begin with http:// or https://; it is {url!r}.")
    return Settings(url, environment.get("MELANOSERVE_KEY") or None)
