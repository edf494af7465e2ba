"""The settings: `MELANOSERVE_*` variables, read once at start. A wrong one stops the start; none is guessed at."""

import importlib.util
import ipaddress
import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from dermoscopy.limits import PILLOW_WARNS_ABOVE, Limits
from service import tracing
from service.audit.address import WrongAddress, address_of
from service.key_file import UnreadableKeyFile, read_keys

PREFIX = "MELANOSERVE_"

# docker-compose.yml reads these on the host, the page the last two, `melanoserve classify --server` the last: a shell
# that has them can still serve.
OF_OTHERS = frozenset({"UID", "GID", "DATA", "WEIGHTS", "UI_PORT", "TUNNEL_PASSWORD", "URL", "KEY"})


def _not_empty(given: object) -> object:
    """An empty path is the folder in which the service was started: with a state of its own, in which no key is."""
    if given == "":
        raise PydanticCustomError("empty_path", "An empty path names nothing: leave it out, or give one")
    return given


Place = Annotated[Path, BeforeValidator(_not_empty)]


class SettingsError(Exception):
    """The settings cannot be used; `problems` has one line for each thing that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Settings(BaseSettings):
    """What the operator decides. The docstrings say what a value costs; `melanoserve serve --help` shows them."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    """Address to listen on. Anything but loopback lets others on the network in: see ALLOW_REMOTE_WITHOUT_KEYS."""

    port: int = Field(default=8000, ge=0, le=65535)
    """Port to listen on; 0 takes a free one and logs it."""

    allow_remote_without_keys: bool = False
    """Listen on an address that other machines reach, although there are no API keys: whoever reaches the port can
    then post images, read answers and move labels. Only for a container published on loopback, or behind a proxy that
    authenticates. Without it, a service that has no keys does not answer a Host that is a name which somebody else
    could own."""

    store: Place = Path("model_store/models")
    """Directory of the model versions; the service only reads it."""

    state: Place = Path("state")
    """Directory of what the service keeps: the labels that an operator moved (`python -m model_store label`; without it
    the store's own), and compiled models, with which the next start is sooner ready."""

    keys: Place | None = None
    """File of the API keys (`melanoserve keys add`); by default keys.json in STATE. As soon as it holds a key, every
    request must send one, except for the probes, /metrics and /docs."""

    oidc_issuer: str | None = None
    """Whose access tokens (signed JWTs, as `Authorization: Bearer`) are taken beside API keys: the provider's issuer,
    compared letter by letter with the claim iss. Needs OIDC_AUDIENCE and OIDC_JWKS; docs/access.md has the scopes."""

    oidc_audience: str | None = None
    """What the claim aud of a token must name: this service, as it is registered with the provider. A token for
    somebody else is refused."""

    oidc_jwks: str | None = None
    """The provider's public keys (JSON Web Key Set): an https URL, http only on this machine, or a file. While the URL
    does not answer, keys that were read count for an hour; without any, tokens are refused with 503."""

    oidc_rate_per_minute: int | None = Field(default=None, ge=1, le=1_000_000)
    """Requests that one subject of access tokens may send at once, and then a minute, evenly; any number if not set."""

    processes: int = Field(default=1, ge=1, le=64)
    """Processes that serve on the one port. Each holds its own models (200 to 300 MB) and its own limits, and lets
    its share of a key's rate through: a client that keeps one connection gets that share. One already uses every CPU,
    so more of them help only where Python itself is the limit."""

    runtime: Literal["openvino", "tensorflow"] = "openvino"
    """What runs a version. tensorflow is the reference: slower, and must be installed. Never replaced silently."""

    precision: Literal["auto", "f32", "bf16"] = "auto"
    """Number format of the computation. auto takes bf16 where the processor has it and the version's manifest vouches
    for it; a format that the manifest does not vouch for makes the version refused."""

    threads: int = Field(default=0, ge=0, le=256)
    """Processors that predictions may use; 0: all that the process has. Of images, one more than that is worked on at
    once (with 1 one, and never more than 4), and each can take up to 8 bytes for each of MAX_PIXELS."""

    max_bytes: int = Field(default=Limits.max_bytes, ge=1_000, le=500_000_000)
    """Largest image file in bytes; more is refused with 413 while it still streams in. Each request under way may
    hold this much memory."""

    max_pixels: int = Field(default=Limits.max_pixels, ge=32 * 32, le=PILLOW_WARNS_ABOVE)
    """Most pixels that an image may declare; more is refused with 413 before a pixel is allocated. A low limit refuses
    large originals, a high one costs memory."""

    max_requests: int = Field(default=128, ge=1, le=10_000)
    """Image requests under way at once in a process, waiting ones included; more is refused at once with 503 and
    Retry-After, before the body is read."""

    max_request_bytes: int = Field(default=512_000_000, ge=1_000)
    """Bytes that the bodies of these may have together; more is refused in the same way."""

    max_batch_files: int = Field(default=64, ge=1, le=10_000)
    """Most images in one request to /classify/batch or /grade/batch; more is refused with 413."""

    max_batch_bytes: int = Field(default=128_000_000, ge=1_000)
    """Bytes that they may have together; more is refused with 413 while it still streams in."""

    deadline_seconds: float = Field(default=30.0, gt=0, le=600, allow_inf_nan=False)
    """How long an image request may take from its headers on; then it is dropped and answered with 504. In a batch it
    counts for each image from when it is its turn."""

    receive_seconds: float = Field(default=20.0, gt=0, le=600, allow_inf_nan=False)
    """In how many seconds headers and body of a request must each have arrived. For a slower body there is 408; without
    its headers there is no request to answer, and the connection ends."""

    drain_seconds: float = Field(default=3.0, ge=0, le=600, allow_inf_nan=False)
    """How long SIGTERM leaves the port open: /readyz says at once that it is not ready, requests are still answered.
    SIGINT (Ctrl-C) skips it."""

    shutdown_seconds: int = Field(default=30, ge=1, le=600)
    """How long SIGTERM waits for the requests under way; what is not finished by then is cut off."""

    audit: Literal["required", "preferred", "off"] = "required"
    """Whether requests are recorded, and what happens while they cannot be. required: images are refused with 503, and
    /readyz says why. preferred: they are answered all the same; log and metrics say how many have no row. off: nothing
    is recorded."""

    audit_url: str | None = None
    """Where the audit trail is kept: sqlite:///PATH, or postgresql://USER@HOST/NAME with requirements/postgres.txt and
    the password in PGPASSWORD or PGPASSFILE; by default audit.db in STATE. See docs/audit.md."""

    audit_days: int | None = Field(default=None, ge=1, le=36_500)
    """After how many days rows are removed from the audit trail, while it is kept; without it they stay, and with AUDIT
    off too."""

    trace_endpoint: str | None = None
    """URL that OpenTelemetry traces are posted to as OTLP over HTTP, such as http://collector:4318/v1/traces; needs the
    packages of requirements/tracing.txt. They hold times, codes and versions, nothing of a patient."""

    trace_share: float = Field(default=1.0, ge=0, le=1, allow_inf_nan=False)
    """Which share of the requests is traced; one that says in its traceparent whether it is traced decides itself."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged. A line per request is info; no level ever logs anything of a patient."""

    @property
    def key_file(self) -> Path:
        """Where the API keys are."""
        return self.keys or self.state / "keys.json"

    @property
    def keys_required(self) -> bool:
        """Whether nobody may ask without a key: others reach the address, and nothing else keeps strangers out."""
        return not is_loopback(self.host) and not self.allow_remote_without_keys

    @property
    def takes_tokens(self) -> bool:
        """Whether access tokens are taken; then nobody may ask with neither key nor token."""
        return bool(self.oidc_issuer)

    @property
    def limits(self) -> Limits:
        """The bounds on one image file."""
        return Limits(max_bytes=self.max_bytes, max_pixels=self.max_pixels)


def read_settings(options: Mapping[str, object]) -> Settings:
    """Settings from the environment, with the command line's options before it.

    Args:
        options: Field name -> value, for those given on the command line.

    Raises:
        SettingsError: With every problem found, not only the first.
    """
    problems = list(_unknown_variables(os.environ))
    try:
        settings = Settings.model_validate(dict(options))
    except ValidationError as error:
        raise SettingsError(
            problems + [_line(str(f["loc"][0]), f["msg"], f["input"]) for f in error.errors()]
        ) from None
    problems += _contradictions(settings)
    if problems:
        raise SettingsError(problems)
    return settings


def variable(field: str) -> str:
    """Name of a field's environment variable."""
    return PREFIX + field.upper()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address; a name other than localhost may resolve to anything."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _unknown_variables(environment: Mapping[str, str]) -> Iterator[str]:
    known = [variable(field) for field in Settings.model_fields]
    for name in sorted(environment):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            if name.upper().removeprefix(PREFIX) in OF_OTHERS:
                continue
            near = get_close_matches(name.upper(), known, n=1)
            yield f"{name}: there is no such setting" + (f"; did you mean {near[0]}?" if near else ".")


def _line(field: str, message: str, received: object) -> str:
    return f"{variable(field)} (--{field.replace('_', '-')}): {message}; received {received!r}."


def _has_keys(file: Path) -> bool:
    """Whether the file demands keys; one that cannot be read does: the service then starts and lets nobody in."""
    try:
        return bool(read_keys(file))
    except UnreadableKeyFile:
        return True


def _wrong_oidc(settings: Settings) -> Iterator[str]:
    names = ("oidc_issuer", "oidc_audience", "oidc_jwks")
    missing = [name for name in names if not getattr(settings, name)]
    if missing and (len(missing) < len(names) or settings.oidc_rate_per_minute is not None):
        yield f"{', '.join(map(variable, missing))}: access tokens cannot be checked without."
    source = settings.oidc_jwks or ""
    name = f"{variable('oidc_jwks')} (--oidc-jwks)"
    if "://" in source and not _is_web_address(source):
        yield f"{name}: give an https URL, such as https://login.example.org/keys, or the path of a file."
    elif source.lower().startswith("http://") and not is_loopback(urlsplit(source).hostname or ""):
        yield f"{name}: keys that come over http are anybody's; use https or a file."


def _contradictions(settings: Settings) -> Iterator[str]:
    yield from _wrong_oidc(settings)
    if settings.keys_required and not settings.takes_tokens and not _has_keys(settings.key_file):
        yield (
            f"{variable('host')} (--host): {settings.host} can be reached from other machines, and there are no API "
            f"keys. Make one with `melanoserve keys add`, use 127.0.0.1, or set {variable('allow_remote_without_keys')}"
            "=true if something else keeps strangers out."
        )
    if not settings.store.is_dir():
        yield f"{variable('store')} (--store): {settings.store} is not a directory."
    yield from _wrong_audit(settings)
    yield from _wrong_traces(settings)
    if settings.runtime == "tensorflow" and importlib.util.find_spec("tensorflow") is None:
        yield f"{variable('runtime')} (--runtime): TensorFlow is not installed; requirements/training.txt has it."


def _wrong_traces(settings: Settings) -> Iterator[str]:
    name = f"{variable('trace_endpoint')} (--trace-endpoint)"
    if settings.trace_endpoint and not _is_web_address(settings.trace_endpoint):
        # What was received is not repeated: it may hold a password.
        yield f"{name}: give an http or https URL, such as http://collector:4318/v1/traces."
    elif settings.trace_endpoint and not tracing.installed():
        yield f"{name}: install requirements/tracing.txt for it."


def _is_web_address(url: str) -> bool:
    """Whether something could be sent there; urlsplit alone leaves out line breaks, and takes spaces for a name."""
    try:
        parts = urlsplit(url)
        well_formed = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return well_formed and parts.scheme in ("http", "https") and url.isprintable() and " " not in url


def _wrong_audit(settings: Settings) -> Iterator[str]:
    name = f"{variable('audit_url')} (--audit-url)"
    try:
        address = address_of(settings.audit_url, settings.state)
    except WrongAddress as error:
        yield f"{name}: {error}."
        return
    if address.file is None and importlib.util.find_spec("psycopg") is None:
        yield f"{name}: install requirements/postgres.txt for PostgreSQL."
