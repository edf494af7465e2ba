"""The gateway's settings: `MELANOGATEWAY_*` variables, read once at start. A wrong one stops the start."""

from __future__ import annotations

import ipaddress
import os
import re
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, NamedTuple
from urllib.parse import urlsplit

import httpx
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "MELANOGATEWAY_"

_TITLE = re.compile(r"[!-\[\]-~][ -\[\]-~]{0,15}")
_PEER = re.compile(r"([!-?A-\[\]-~][ -?A-\[\]-~]{0,15})@(\[[0-9A-Fa-f:.]+\]|[^\s@\[\]]+):(\d{1,5})")
_MODALITY = re.compile(r"[A-Z0-9_ *?]{1,16}")


class SettingsError(Exception):
    """The settings cannot be used; `problems` has one line for each thing that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Peer(NamedTuple):
    """An application entity that objects can be sent to."""

    ae_title: str
    host: str
    port: int


def _title(value: str) -> str:
    """As PS3.5 6.2 has it of the VR AE."""
    if not _TITLE.fullmatch(value):
        raise ValueError("a title has 1 to 16 printable ASCII characters, no backslash, and no space at its beginning")
    return value


AeTitle = Annotated[str, AfterValidator(_title)]


def _listed(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _peer(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = _PEER.fullmatch(value)
    if match is None or not 0 < int(match[3]) < 65_536:
        raise ValueError("must have the form AETITLE@host:port")
    try:
        match[2].encode("idna")  # as whoever looks for the host does
    except UnicodeError:
        raise ValueError("must have the form AETITLE@host:port") from None
    return Peer(match[1], match[2].strip("[]"), int(match[3]))


def _modality(value: str) -> str:
    if not _MODALITY.fullmatch(value):
        raise ValueError("a modality is written in capital letters, such as XC")
    return value


def _credential(value: SecretStr) -> SecretStr:
    """White space around it, as the end of a file's line, is left out."""
    text = value.get_secret_value().strip()
    if not text or not (text.isascii() and text.isprintable()):
        raise ValueError("has characters that none has, or is empty: was another file read for it?")
    return SecretStr(text)


Modality = Annotated[str, AfterValidator(_modality)]
Credential = Annotated[SecretStr, AfterValidator(_credential)]
"""What is sent in a header."""


def _web_address(value: str) -> str:
    try:
        httpx.URL(value)  # what will be asked, and does not take everything
        parts = urlsplit(value)
        # urlsplit alone leaves out line breaks, and both take spaces for part of a name.
        well_formed = bool(parts.hostname) and parts.port != 0 and value.isprintable() and " " not in value
    except (ValueError, httpx.InvalidURL):
        well_formed = False
    if not well_formed or parts.scheme not in ("http", "https"):
        raise ValueError("must be an http or https URL, such as http://127.0.0.1:8000") from None
    if parts.query or parts.fragment:
        raise ValueError("leave out what comes from ? or # on: no request would have it")
    return value


WebAddress = Annotated[str, AfterValidator(_web_address)]


class Settings(BaseSettings):
    """What the operator decides; `python -m gateway run --help` shows the docstrings."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid", use_attribute_docstrings=True
    )

    state: Path = Path("state/gateway")
    """Folder of the queue and of the images that wait, for the gateway's user only. It must survive a restart, and must
    lie on a local disk."""

    service_url: WebAddress = "http://127.0.0.1:8000"
    """Where the service is."""

    service_key: Credential | None = None
    """API key for it, with the scope infer."""

    task: Literal["classify", "grade"] = "classify"
    """What the service is asked about each image: `classify`, or `grade` for a stage grade too."""

    host: str = "127.0.0.1"
    """Address to listen on for C-STORE. Anything but loopback lets others on the network in, and demands CALLERS."""

    port: int = Field(default=11112, ge=0, le=65535)
    """Port to listen on for C-STORE and C-ECHO; 0 takes a free one and logs it."""

    ae_title: AeTitle = "MELANOSERVE"
    """The gateway's own title; a peer that calls another one is rejected."""

    callers: Annotated[tuple[AeTitle, ...], NoDecode, BeforeValidator(_listed)] = ()
    """Titles that may send, separated by commas; empty for any. A title is a name and no proof: a firewall, or TLS_CA,
    must keep strangers out."""

    pacs_url: WebAddress | None = None
    """DICOMweb root of the PACS, such as http://orthanc:8042/dicom-web: reports go there by STOW-RS, and images are
    looked for there if POLL_SECONDS is not 0."""

    pacs_user: str | None = None
    """User name for it (HTTP basic authentication)."""

    pacs_password: SecretStr | None = None
    """The password of PACS_USER."""

    pacs_token: Credential | None = None
    """Bearer token for it, instead of user and password."""

    pacs_ae: Annotated[Peer | None, NoDecode, BeforeValidator(_peer)] = None
    """AETITLE@host:port of the PACS: reports go there by C-STORE instead of STOW-RS."""

    poll_seconds: float = Field(default=0, ge=0, le=86_400, allow_inf_nan=False)
    """How often to look for new images by QIDO-RS; 0 for never, where the PACS sends them itself."""

    poll_modalities: Annotated[tuple[Modality, ...], NoDecode, BeforeValidator(_listed)] = ("XC", "DMS")
    """Modalities to look for, separated by commas. Whatever of them is no photograph is left alone; a photograph of
    another modality must be sent."""

    poll_days: int = Field(default=2, ge=0, le=3650)
    """Studies are looked for from so many days before the last look that went well. Older ones are not found, so that
    a new gateway does not go through the whole archive."""

    workers: int = Field(default=2, ge=1, le=64)
    """Images asked about, and reports delivered, at once."""

    timeout: float = Field(default=60, gt=0, le=600, allow_inf_nan=False)
    """Seconds that one step of service or PACS may take."""

    longest_wait: float = Field(default=60, gt=0, le=86_400, allow_inf_nan=False)
    """Most seconds between two attempts; the first wait is one second, each further one twice as long."""

    max_items: int = Field(default=10_000, ge=1)
    """Images that may wait at once, failed ones included; beyond it C-STORE is refused with 0xA700."""

    max_bytes: int = Field(default=5_000_000_000, ge=1_000)
    """Bytes that they may have together; beyond it C-STORE is refused with 0xA700."""

    keep_failed_days: float = Field(default=7, ge=0, le=3650, allow_inf_nan=False)
    """How long the image of an item that failed is kept for `retry`; then it is removed, once the clock has gone evenly
    for an hour. For so long looking for images does not move on from one that the PACS does not hand out."""

    tls_certificate: Path | None = None
    """PEM certificate of the gateway: DICOM is then spoken over TLS only, to and from it."""

    tls_key: Path | None = None
    """PEM key of TLS_CERTIFICATE."""

    tls_ca: Path | None = None
    """PEM certificates that peers' must come from; demanded with TLS_CERTIFICATE."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged. No level logs anything of a patient: images are named by a hash of their UID."""


def read_settings(options: Mapping[str, object]) -> Settings:
    """Settings from the environment, with the command line's options before it.

    Raises:
        SettingsError: With every problem found, not only the first.
    """
    known = [variable(field) for field in Settings.model_fields]
    problems = [
        f"{name}: there is no such setting."
        for name in sorted(os.environ)
        if name.upper().startswith(PREFIX) and name.upper() not in known
    ]
    try:
        settings = Settings.model_validate(dict(options))
    except ValidationError as error:
        # What was received is not repeated: it may be a password.
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        raise SettingsError(
            problems + [_line(str(f["loc"][0]), f["msg"].removeprefix("Value error, ")) for f in faults]
        ) from None
    problems += _contradictions(settings)
    if problems:
        raise SettingsError(problems)
    return settings


def variable(field: str) -> str:
    """Name of a field's environment variable."""
    return PREFIX + field.upper()


def _line(field: str, message: str) -> str:
    return f"{variable(field)} (--{field.replace('_', '-')}): {message}."


def _contradictions(settings: Settings) -> Iterator[str]:
    if settings.pacs_url is None and settings.pacs_ae is None:
        yield _line("pacs_url", "reports need somewhere to go: set it, or PACS_AE")
    if settings.poll_seconds and settings.pacs_url is None:
        yield _line("poll_seconds", "looking for images needs PACS_URL")
    if settings.poll_seconds and not settings.poll_modalities:
        yield _line("poll_modalities", "names none, and so nothing would be looked for")
    if (settings.pacs_user is None) != (settings.pacs_password is None):
        yield _line("pacs_user", "needs PACS_PASSWORD, and the other way round")
    if settings.pacs_user is not None and ":" in settings.pacs_user:
        yield _line("pacs_user", "a colon ends the name in HTTP basic authentication")
    if settings.pacs_user is not None and settings.pacs_token is not None:
        yield _line("pacs_token", "either a token, or user and password")
    if not _is_loopback(settings.host) and not settings.callers:
        yield _line("host", f"{settings.host} can be reached from other machines; say in CALLERS who may send")
    yield from _tls_faults(settings)


def _tls_faults(settings: Settings) -> Iterator[str]:
    tls = certificate, key, ca = settings.tls_certificate, settings.tls_key, settings.tls_ca
    missing = [path for path in tls if path is not None and not path.is_file()]
    for path in missing:
        yield _line("tls_certificate", f"{path} is not a file")
    if any(tls) and not all(tls):
        yield _line("tls_certificate", "TLS needs all of TLS_CERTIFICATE, TLS_KEY and TLS_CA")
    if missing or certificate is None or key is None or ca is None:
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_verify_locations(ca)
    except OSError:
        yield _line("tls_ca", f"{ca} cannot be read, or holds no certificates in PEM")
    try:
        # A password, so that nobody is asked for one, whenever a report is sent.
        context.load_cert_chain(certificate, key, password="")
    except OSError:
        yield _line(
            "tls_key", f"{certificate} and {key} are no certificate and its key in PEM, or the key is encrypted"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
