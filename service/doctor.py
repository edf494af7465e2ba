"""`melanoserve doctor`: looks at an installation the way a tired engineer would, and says what to do."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.settings import Settings

    _Commands = argparse._SubParsersAction[argparse.ArgumentParser]

PACKAGES = ("fastapi", "uvicorn", "pydantic", "numpy", "pillow", "openvino", "httpx")
ENOUGH_MEMORY_MB = 700
"""The service and one image of the largest size that it admits."""
MEMORY_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Of a container, by version 2 of control groups and by version 1: bytes; without one "max", or more than there is."""

DESCRIPTION = """\
Checks what the service needs: Python and packages, the settings in the environment, the models (every file of every
version against its hash, and what the labelled ones say of their golden images), keys, folders, the audit trail,
memory; with --server also a running service. Each line says what is right, or what to do."""


@dataclass(frozen=True)
class Finding:
    """What one check found: `advice` says what to do, and is empty where nothing needs to be done."""

    what: str
    found: str
    advice: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing needs to be done."""
        return not self.advice


def register(commands: _Commands) -> None:
    """Adds `doctor` to the commands of the command line."""
    parser = commands.add_parser(
        "doctor",
        help="check an installation and say what to do",
        description=DESCRIPTION,
        epilog="exit status: 0 all is well; 1 something needs to be done.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--server", metavar="URL", help="also ask this service")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def run(options: argparse.Namespace) -> int:
    """Prints every finding as it is made; returns 0 if nothing needs to be done, else 1."""
    status = 0
    for finding in examine(options.server):
        status = status if finding.ok else 1
        try:
            print(_shown(finding, as_json=options.json), flush=True)
        except OSError as error:
            print(f"melanoserve: standard output: {error.strerror}", file=sys.stderr)
            return 1
    return status


def _shown(finding: Finding, *, as_json: bool) -> str:
    if as_json:
        return json.dumps(vars(finding) | {"ok": finding.ok})
    line = f"{'ok     ' if finding.ok else 'PROBLEM'}  {finding.what}: {finding.found}"
    return line if finding.ok else f"{line}\n         -> {finding.advice}"


def examine(server: str | None) -> Iterator[Finding]:
    """Every check in turn; one that needs what an earlier one found missing is left out.

    Args:
        server: URL of a running service; None to leave it out.
    """
    yield _python()
    packages = _packages()
    yield packages
    if not packages.ok:
        return
    yield _memory()
    settings, problems = _settings()
    yield problems
    if settings is not None:
        yield from _store(settings)
        yield _keys(settings)
        yield _state(settings)
        yield _trail(settings)
    if server is not None:
        yield from _service(server)


def _python() -> Finding:
    found = f"{platform.python_version()} on {platform.machine()}, {platform.system()}"
    fits = (3, 11) <= sys.version_info[:2] < (3, 14)
    return Finding("Python", found, "" if fits else "use Python 3.11, 3.12 or 3.13")


def _packages() -> Finding:
    found, missing = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    advice = f"{', '.join(missing)} missing: install requirements/service.txt, or run `make serve`" if missing else ""
    return Finding("packages", ", ".join(found), advice)


def _memory() -> Finding:
    from model_store.processors import available_processors  # noqa: PLC0415 - only once the packages are there

    megabytes = _memory_limit() // 1_000_000
    advice = "" if megabytes >= ENOUGH_MEMORY_MB else f"give it {ENOUGH_MEMORY_MB} MB, or lower MELANOSERVE_MAX_PIXELS"
    return Finding("machine", f"{available_processors()} processors, {megabytes} MB of memory", advice)


def _memory_limit() -> int:
    """Bytes that this process may use: of the machine, or of its container."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for file in MEMORY_LIMITS:
        with suppress(OSError):
            limit = file.read_text("ascii").strip()
            limits += [int(limit)] if limit.isdecimal() else []
    return min(limits)


def _settings() -> tuple[Settings | None, Finding]:
    from service.settings import SettingsError, read_settings  # noqa: PLC0415

    try:
        settings = read_settings({})
    except SettingsError as error:
        return None, Finding("settings", f"{len(error.problems)} wrong", " ".join(error.problems))
    return settings, Finding("settings", f"listens on {settings.host}:{settings.port}, models in {settings.store}")


def _store(settings: Settings) -> Iterator[Finding]:
    from model_store.errors import StoreError  # noqa: PLC0415
    from model_store.store import Store  # noqa: PLC0415
    from service.loading import CLASSIFIER  # noqa: PLC0415

    store = Store(settings.store)
    if CLASSIFIER not in store.names():
        yield Finding("models", f"no classifier in {settings.store}", "point MELANOSERVE_STORE to a store that has one")
        return
    for name in store.names():
        for version in store.versions(name):
            try:
                digest = store.open(name, version).digest
            except StoreError as error:
                yield Finding(f"{name}/{version}", str(error), "publish it again, or remove its folder")
            else:
                yield Finding(f"{name}/{version}", f"every file is as it was published, digest {digest[:12]}")
        yield _stable(settings, name)


def _stable(settings: Settings, name: str) -> Finding:
    from model_store.errors import StoreError  # noqa: PLC0415
    from service.engine import Engine, Selection  # noqa: PLC0415
    from service.following import STABLE  # noqa: PLC0415

    what = f"{name}, label {STABLE}"
    try:
        served = Engine(settings).get(name, Selection(label=STABLE))
    except StoreError as error:
        return Finding(what, str(error), f"move it: python -m model_store label {name} {STABLE} VERSION")
    runtime, golden = served.runtime, len(served.stored.manifest.golden)
    found = f"version {served.stored.version} in {runtime.name} {runtime.precision} says of its {golden} golden images"
    return Finding(what, f"{found} what it said when it was made")


def _keys(settings: Settings) -> Finding:
    from service.key_file import UnreadableKeyFile, read_keys  # noqa: PLC0415

    try:
        count = len(read_keys(settings.key_file))
    except UnreadableKeyFile as error:
        return Finding("keys", str(error), f"repair {settings.key_file}: until then nobody is let in")
    if count:
        return Finding("keys", f"{count} in {settings.key_file}; every request needs one")
    return _no_keys(settings)


def _no_keys(settings: Settings) -> Finding:
    from service.settings import is_loopback, variable  # noqa: PLC0415

    if settings.takes_tokens:
        return Finding("keys", f"none: every request needs an access token of {settings.oidc_issuer}")
    found = "none: whoever reaches the port may ask"
    if settings.keys is not None:
        advice = f"no key is in {settings.keys}, which {variable('keys')} names: a slip of the pen, or a volume that is"
        return Finding("keys", found, f"{advice} not mounted? `melanoserve keys add` makes one")
    if not is_loopback(settings.host):
        advice = (
            f"it listens on {settings.host}: make a key with `melanoserve keys add`, unless what publishes the port"
        )
        return Finding("keys", found, f"{advice}, or a proxy before it, keeps strangers out")
    return Finding("keys", f"{found} (it only listens where others do not reach it)")


def _state(settings: Settings) -> Finding:
    folder = settings.state
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        advice = f"make {folder} writable, or point MELANOSERVE_STATE elsewhere: labels cannot be moved there"
        return Finding("state", f"{folder}: {error.strerror}", advice)
    return Finding("state", f"{folder} can be written: labels can be moved")


def _trail(settings: Settings) -> Finding:
    from service.audit.address import address_of  # noqa: PLC0415
    from service.audit.database import Database, DatabaseFailed  # noqa: PLC0415

    what, address = "audit trail", address_of(settings.audit_url, settings.state)
    if settings.audit == "off":
        return Finding(what, "off: nothing is recorded")
    try:
        if address.file is not None and not address.file.exists():
            return Finding(what, f"none yet: the first start makes {address}")
        database = Database(address)
        try:
            head = database.prove()
        finally:
            database.close()
    except (DatabaseFailed, OSError) as error:
        then = "images are refused" if settings.audit == "required" else "answers have no row"
        return Finding(
            what, f"{address}: {error}", f"until it can be written {then}; docs/audit.md says where it may be"
        )
    return Finding(what, f"{address} can be written; its last row is {head.sequence}")


def _service(url: str) -> Iterator[Finding]:
    from client import Client, MelanoserveError, Patience, Problem  # noqa: PLC0415

    try:
        with Client(url, patience=Patience(attempts=1), timeout=10.0) as client:
            client.ready()
    except Problem as problem:
        yield Finding(url, problem.detail, f"see its log and {url.rstrip('/')}/readyz, which names what is missing")
    except MelanoserveError as error:
        yield Finding(url, str(error), "start it with `melanoserve serve`, or correct the address")
    else:
        yield Finding(url, "ready: a prediction came out right just now")
