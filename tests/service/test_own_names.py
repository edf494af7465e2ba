"""A service without keys, called by names that are not this machine's."""

from pathlib import Path

import httpx
import pytest
from starlette.datastructures import Headers

from service.access_problems import ForeignHost
from service.key_file import KeyFile
from service.own_names import check_host, is_nobodys
from tests.raw_http import connect, received
from tests.running_service import Service, running
from tests.service.test_problem_responses import check_problem
from tests.tiny_models import MELANOMA, picture, png

PNG = {"Content-Type": "image/png"}
REBOUND = "rebound.attacker.com:8000"


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST:8000", "127.0.0.1", "127.0.0.1:8000", "127.8.8.8:1", "[::1]", "[::1]:8000",
        "127.0.0.1:", "192.168.1.5", "0.0.0.0:8000", "service:8000", "testserver", "x", "", "host.docker.internal:8000",
        "pc.local",
        "a.example.com", "example.org", "ward.home.arpa", "localhost.", "a_b",
    ],
)  # fmt: skip
def test_names_that_no_stranger_owns(host: str) -> None:
    assert is_nobodys(host)


@pytest.mark.parametrize(
    "host",
    [
        "attacker.com", "attacker.com.", "localhost.attacker.com", "127.0.0.1.attacker.com:8000",
        "attacker.com:127.0.0.1", "x@localhost", "localhost@attacker.com", "localhost/", "[::1", "::1", "[::1]x",
        "localhost:80:80", "localhost x",
        "localhost,attacker.com", "notexample.com", "attacker.internal.com", "myexample.org",
    ],
)  # fmt: skip
def test_names_that_somebody_else_could_own(host: str) -> None:
    assert not is_nobodys(host)


def test_each_that_is_sent_must_be_one_and_a_browser_cannot_leave_it_out() -> None:
    check_host(Headers({}))
    with pytest.raises(ForeignHost):
        check_host(Headers(raw=[(b"host", b"localhost"), (b"host", b"attacker.com")]))


def ask(service: Service, method: str, path: str, host: str = REBOUND) -> httpx.Response:
    """As a page does whose name was made to lead to this machine."""
    content = png(picture(MELANOMA)) if method == "POST" else b'{"version": 1}' if method == "PUT" else None
    headers = {"Host": host, **(PNG if method == "POST" else {"Content-Type": "application/json"})}
    return service.client.request(method, path, content=content, headers=headers)


ASKED = [
    ("POST", "/classify"),
    ("POST", "/grade"),
    ("GET", "/models"),
    ("GET", "/models/classifier"),
    ("PUT", "/models/classifier/labels/next"),
    ("GET", "/audit"),
]


@pytest.mark.parametrize(("method", "path"), ASKED)
def test_a_page_whose_name_leads_here_is_refused(service: Service, method: str, path: str) -> None:
    answer = ask(service, method, path)
    assert check_problem(answer, 403, "foreign_host")["retryable"] is False
    assert "rebound" not in answer.text + service.log


def test_this_machine_s_own_names_are_answered(service: Service) -> None:
    for host in ("localhost", "127.0.0.1:9", "[::1]:8000", "service:8000"):
        assert ask(service, "POST", "/classify", host).status_code == 200
    with connect(service) as connection:
        connection.sendall(b"GET /models HTTP/1.0\r\n\r\n")
        assert received(connection).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/docs", "/problems/foreign_host"])
def test_what_watches_the_service_may_call_it_as_it_likes(service: Service, path: str) -> None:
    assert ask(service, "GET", path).status_code == 200


def test_where_something_else_keeps_strangers_out_it_has_any_name(pristine_store: Path, tmp_path: Path) -> None:
    with running(pristine_store, tmp_path, ALLOW_REMOTE_WITHOUT_KEYS="true") as service:
        assert ask(service, "POST", "/classify").status_code == 200


def test_whoever_has_a_key_may_call_it_as_they_like(pristine_store: Path, tmp_path: Path) -> None:
    key = KeyFile(tmp_path / "keys.json").add("clinic", ["infer"]).text
    with running(pristine_store, tmp_path) as service:
        check_problem(ask(service, "GET", "/models"), 401, "unauthorized")
        headers = {"Host": "melanoserve.clinic.com", "X-API-Key": key}
        assert service.client.get("/models", headers=headers).status_code == 200
