"""An issuer of access tokens: real keys, real signatures, its key set on a real socket."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ISSUER = "https://login.clinic.test/realms/clinic"
AUDIENCE = "melanoserve"

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def private_key(kind: str, number: int = 0) -> PrivateKey:
    """Of the kind "RSA", "weak" or a curve; the same for the same number, for making one takes long."""
    if kind in ("RSA", "weak"):
        return rsa.generate_private_key(65537, 1024 if kind == "weak" else 2048)
    return ec.generate_private_key({"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}[kind])


def jwk_of(key: PrivateKey, kid: str, **members: Any) -> dict[str, Any]:
    """Its public part as an issuer publishes it."""
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        return {**json.loads(RSAAlgorithm.to_jwk(public)), "kid": kid, **members}
    return {**json.loads(ECAlgorithm.to_jwk(public)), "kid": kid, **members}


def key_set(*jwks: object) -> bytes:
    return json.dumps({"keys": jwks}).encode()


def claims(**changes: Any) -> dict[str, Any]:
    """Those of a token that may ask about images; None takes one out."""
    now = int(time.time())
    whole = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "pacs-gateway", "iat": now, "exp": now + 300,
        "scope": "melanoserve/infer",
    } | changes  # fmt: skip
    return {name: value for name, value in whole.items() if value is not None}


def token(
    key: Any, said: dict[str, Any] | None = None, *, kid: str | None = "k1", algorithm: str = "RS256", **header: Any
) -> str:
    """A signed token."""
    headers = {**({} if kid is None else {"kid": kid}), **header}
    return jwt.encode(claims() if said is None else said, key, algorithm, headers=headers)


@dataclass
class Issuer:
    """What its key set's address answers, whether it does now, and how often it was asked."""

    url: str = ""
    body: bytes = field(default_factory=lambda: key_set(jwk_of(private_key("RSA"), "k1")))
    status: int = 200
    delay: float = 0.0
    answers: threading.Event = field(default_factory=threading.Event)
    asked: int = 0


@contextmanager
def issuing() -> Iterator[Issuer]:
    """An issuer that answers."""
    issuer = Issuer()
    issuer.answers.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked += 1
            time.sleep(issuer.delay)
            issuer.answers.wait()
            self.send_response(issuer.status)
            if issuer.status == 302:
                self.send_header("Location", f"{issuer.url}/moved")
            self.send_header("Content-Length", str(len(issuer.body)))
            self.end_headers()
            self.wfile.write(issuer.body)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer.url = f"http://127.0.0.1:{server.server_port}/jwks"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield issuer
        finally:
            issuer.answers.set()
            server.shutdown()
