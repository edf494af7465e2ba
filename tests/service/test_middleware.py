import httpx
import pytest

from tests.running_service import Service
from tests.tiny_models import MELANOMA, picture, png


@pytest.mark.parametrize("given", ["a", "req-1_2.3", "x" * 64, "550e8400-e29b-41d4-a716-446655440000"])
def test_a_safe_request_id_is_kept(client: httpx.Client, given: str) -> None:
    answer = client.get("/nothing", headers={"X-Request-ID": given})
    assert answer.headers["x-request-id"] == given
    assert answer.json()["request_id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "Jane Doe", "a;b", "ä", "a/b", '{"x":1}'])
def test_any_other_request_id_is_replaced(client: httpx.Client, given: str) -> None:
    answer = client.get("/nothing", headers={b"X-Request-ID": given.encode()})
    assert len(answer.headers["x-request-id"]) == 32
    assert answer.headers["x-request-id"] != client.get("/nothing").headers["x-request-id"]


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/models", "/nothing", "/docs", "/docs/assets/swagger-ui.css"])
def test_every_answer_has_the_safe_headers(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


@pytest.mark.parametrize(
    "path",
    ["/", "/docs", "/docs/assets/swagger-ui.css", "/openapi.json", "/livez", "/models", "/models/classifier/versions/1",
     "/audit", "/problems/overloaded", "/nothing"],
)  # fmt: skip
def test_of_whatever_can_be_got_the_head_can_be_had_alone(client: httpx.Client, path: str) -> None:
    whole, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (whole.status_code, b"")
    assert head.headers.get("content-type") == whole.headers.get("content-type")


def test_the_log_says_that_only_the_head_was_asked_for(service: Service) -> None:
    service.client.head("/models", headers={"X-Request-ID": "head-alone"})
    line = service.request("head-alone")
    assert (line["method"], line["path"], line["status"]) == ("HEAD", "/models", 200)


def test_a_request_is_one_line_with_the_route_and_nothing_of_what_was_asked(service: Service) -> None:
    data = png(picture(MELANOMA))
    files = {"file": ("CANARY.png", data)}
    for path in ("/classify?operating_point=CANARY", "/CANARY.png?n=CANARY", "/models/CANARY"):
        headers = {"X-Request-ID": f"log-{path[1:4]}", "User-Agent": "CANARY", "Referer": "CANARY"}
        service.client.post(path, files=files, headers=headers)
    classify = service.request("log-cla")
    assert (classify["method"], classify["path"], classify["status"]) == ("POST", "/classify", 400)
    assert classify["code"] == "unknown_operating_point"
    assert 0 < classify["duration_ms"] < 30_000
    assert service.request("log-CAN")["path"] is None
    assert service.request("log-mod")["path"] == "/models/{name}"
    assert "CANARY" not in service.log


def test_probes_that_go_well_are_logged_for_debugging_only(service: Service) -> None:
    service.client.get("/livez", headers={"X-Request-ID": "probe"})
    assert service.request("probe")["level"] == "debug"
