"""TLS by the reverse proxy that docker-compose.yml runs, its configuration as it is shipped."""

import json
import shutil
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.key_file import KeyFile
from tests.docker.running_nginx import Proxy, proxying
from tests.running_service import WITHOUT_TLS, Service, running
from tests.service.test_problem_responses import check_problem
from tests.tiny_models import MELANOMA, build_store, picture, png

DATA = png(picture(MELANOMA))
PNG = {"Content-Type": "image/png"}

pytestmark = pytest.mark.skipif(
    shutil.which("nginx") is None,
    reason="nginx (Debian: nginx-light) is not installed: TLS is NOT tried",
)


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, str]]:
    """A service with a key, and the key."""
    store, state = build_store(tmp_path_factory.mktemp("store")), tmp_path_factory.mktemp("state")
    key = KeyFile(state / "keys.json").add("clinic", ["infer"]).text
    with running(store.root, state, MAX_BYTES="1000000", RECEIVE_SECONDS="3") as service:
        yield service, key


@pytest.fixture(scope="module")
def proxy(behind: tuple[Service, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    service, key = behind
    with proxying(tmp_path_factory.mktemp("nginx"), service.client) as started:
        started.client.headers["Authorization"] = f"Bearer {key}"
        yield started


def test_an_image_is_answered_over_tls(proxy: Proxy) -> None:
    answer = proxy.client.post("/classify?explain=true", files={"file": DATA}, headers={"X-Request-ID": "over-tls"})
    assert (answer.status_code, answer.json()["request_id"]) == (200, "over-tls")
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    fhir = proxy.client.post("/classify", files={"file": DATA}, headers={"Accept": "application/fhir+json"})
    assert fhir.json()["resourceType"] == "Bundle"


def test_refusals_come_through_as_the_service_said_them(proxy: Proxy) -> None:
    check_problem(
        proxy.client.post("/classify", files={"file": DATA}, headers={"Authorization": ""}), 401, "unauthorized"
    )
    large = proxy.client.post("/classify", content=b"\x89PNG" + bytes(1_500_000), headers=PNG)
    check_problem(large, 413, "image_too_large")


def test_what_is_too_large_for_any_answer_does_not_get_through(proxy: Proxy) -> None:
    answer = proxy.client.post("/classify", content=bytes(3_000_000), headers=PNG)
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    assert answer.json()["code"] == "body_too_large"


def test_a_token_as_long_as_the_service_takes_gets_through(proxy: Proxy) -> None:
    token = f"Bearer {'x' * 20_000}"
    check_problem(proxy.client.get("/models", headers={"Authorization": token}), 401, "unauthorized")


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"GET /classify?CANARY HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, "malformed_request"),
        (b"CANARY\r\n\r\n", 400, "malformed_request"),
        (b"GET /" + b"CANARY" * 15_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431, "head_too_large"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-Name: " + b"CANARY" * 15_000 + b"\r\n\r\n", 431, "head_too_large"),
    ],
)
def test_what_nginx_cannot_read_is_a_problem_as_the_service_s_are(
    proxy: Proxy, sent: bytes, status: int, code: str
) -> None:
    url = proxy.client.base_url
    with (
        socket.create_connection((url.host, url.port or 0), timeout=60) as plain,
        proxy.trusted.wrap_socket(plain, server_hostname=url.host) as connection,
    ):
        connection.sendall(sent)
        head, _, body = b"".join(iter(lambda: connection.recv(65_536), b"")).partition(b"\r\n\r\n")
    assert f" {status} ".encode() in head.splitlines()[0]
    assert b"Content-Type: application/problem+json" in head
    problem = json.loads(body)
    assert (problem["status"], problem["code"], problem["retryable"]) == (status, code, False)


def test_without_tls_there_is_nothing_but_the_way_to_it(proxy: Proxy) -> None:
    answer = httpx.get(f"{proxy.plain}/classify?version=1", verify=WITHOUT_TLS)
    assert (answer.status_code, answer.headers["location"]) == (308, "https://127.0.0.1/classify?version=1")


def test_old_protocols_are_refused(proxy: Proxy) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    url = proxy.client.base_url
    with socket.create_connection((url.host, url.port or 0)) as connection, pytest.raises(ssl.SSLError):
        old.wrap_socket(connection)


def test_an_upload_streams_and_never_lies_on_the_disk(behind: tuple[Service, str], proxy: Proxy) -> None:
    """Half a body: the service sees it, and gives it up in its own time; a proxy that waits for the whole would not."""
    url = proxy.client.base_url
    head = (
        f"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nX-Request-ID: half\r\n"
        f"Authorization: {proxy.client.headers['authorization']}\r\nContent-Length: 900000\r\n\r\n"
    )
    with (
        socket.create_connection((url.host, url.port or 0), timeout=60) as plain,
        proxy.trusted.wrap_socket(plain, server_hostname=url.host) as connection,
    ):
        connection.sendall(head.encode() + bytes(400_000))
        assert b" 408 " in connection.recv(100)
    assert behind[0].request("half")["code"] == "body_too_slow"
    assert not [
        file for folder in ("client_body", "proxy") for file in (proxy.folder / folder).rglob("*") if file.is_file()
    ]


def test_metrics_are_not_for_the_outside(proxy: Proxy) -> None:
    assert proxy.client.get("/metrics").status_code == 404
    assert proxy.client.get("/readyz").status_code == 200


def test_neither_log_holds_what_a_client_wrote(proxy: Proxy) -> None:
    said, paths = proxy.written.count('"status":413'), ("/classify?CANARY=1", "/CANARY", "/classify")
    for path in paths:
        proxy.client.post(path, content=bytes(3_000_000), headers=PNG | {"X-Name": "CANARY", "User-Agent": "CANARY"})
    deadline = time.monotonic() + 60
    while proxy.written.count('"status":413') < said + len(paths):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "CANARY" not in proxy.written


def test_a_service_that_is_down_is_said_to_be_in_words_that_clients_read(tmp_path: Path) -> None:
    with httpx.Client(base_url="http://127.0.0.1:9") as nobody, proxying(tmp_path, nobody) as proxy:
        answer = proxy.client.get("/readyz")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert (answer.json()["code"], answer.json()["retryable"]) == ("unreachable", True)
