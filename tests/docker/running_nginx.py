"""Debian's nginx with the configuration that docker-compose.yml runs, and a certificate that is made for the test."""

import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.running_service import ROOT

SHIPPED = ROOT / "docker" / "nginx.conf"


@dataclass(frozen=True)
class Proxy:
    """A running nginx."""

    client: httpx.Client
    """Trusts its certificate and no other."""
    plain: str
    """Its address without TLS."""
    trusted: ssl.SSLContext
    folder: Path

    @property
    def written(self) -> str:
        """Everything that it logged."""
        return "".join((self.folder / name).read_text() for name in ("access.log", "error.log"))


def write_certificate(folder: Path) -> None:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "melanoserve")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "server.crt").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "server.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def configured(folder: Path, service: str, tls: int, plain: int) -> str:
    """The configuration as it is shipped, with this test's addresses and folders."""
    text = SHIPPED.read_text().replace("/tmp/", f"{folder}/")
    for shipped, here in {
        "server service:8000": f"server {service}",
        "listen 8080": f"listen 127.0.0.1:{plain}",
        "listen 8443 ssl": f"listen 127.0.0.1:{tls} ssl",
        "/etc/nginx/tls/": f"{folder}/",
        "/dev/stderr": f"{folder}/error.log",
        "/dev/stdout": f"{folder}/access.log",
        "client_max_body_size 130m": "client_max_body_size 2m",
    }.items():
        assert text.count(shipped) >= 1, shipped
        text = text.replace(shipped, here)
    return text


@contextmanager
def proxying(folder: Path, service: httpx.Client) -> Iterator[Proxy]:
    """Starts nginx in front of a service, and ends it.

    Args:
        folder: For its certificate, its logs and its temporary files.
        service: A client of what it hands requests on to.
    """
    write_certificate(folder)
    tls, plain = _free(), _free()
    (folder / "nginx.conf").write_text(configured(folder, service.base_url.netloc.decode(), tls, plain))
    # As root it would change to a user of its own, who may not enter the test's folder.
    process = subprocess.Popen(["nginx", "-c", str(folder / "nginx.conf"), "-g", "daemon off; user root;"])
    trusted = ssl.create_default_context(cafile=str(folder / "server.crt"))
    try:
        _until_it_listens(tls, process)
        with httpx.Client(base_url=f"https://127.0.0.1:{tls}", verify=trusted, timeout=60) as client:
            yield Proxy(client, f"http://127.0.0.1:{plain}", trusted, folder)
    finally:
        process.terminate()
        process.wait(60)


def _free() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _until_it_listens(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("nginx does not listen")
