from pathlib import Path

import httpx
import pytest

from tests.running_service import Service, running
from tests.tiny_models import MELANOMA, picture, png

FILES = {"file": png(picture(MELANOMA))}


@pytest.mark.parametrize("path", ["/classify", "/grade"])
def test_a_line_tells_how_long_each_phase_took(service: Service, path: str) -> None:
    request_id = f"phases-{path[1:]}"
    service.client.post(path, files=FILES, headers={"X-Request-ID": request_id})
    line = service.request(request_id)
    assert list(line["phases_ms"]) == ["receive", "wait", "decode", "run", "write", "record"]
    assert sum(line["phases_ms"].values()) <= line["duration_ms"] + 1


def test_waiting_for_a_version_that_is_not_in_memory_is_told_as_such(store: Path, state: Path) -> None:
    with running(store, state) as service:
        for path, field, request_id in (("classify", "file", "first"), ("classify/batch", "files", "next")):
            asked, headers = {field: FILES["file"]}, {"X-Request-ID": request_id}
            service.client.post(f"/{path}?version=2", files=asked, headers=headers).raise_for_status()
        assert list(service.request("first")["phases_ms"])[:3] == ["load", "receive", "wait"]
        assert next(iter(service.request("next")["phases_ms"])) == "receive"


def test_a_request_that_is_refused_ends_in_the_phase_that_it_had_reached(service: Service) -> None:
    service.client.post("/classify", files={"file": b"no image"}, headers={"X-Request-ID": "refused-in-decode"})
    assert list(service.request("refused-in-decode")["phases_ms"]) == ["receive", "wait", "decode", "record"]


def test_a_request_of_another_route_has_no_phases(service: Service, client: httpx.Client) -> None:
    client.get("/models", headers={"X-Request-ID": "no-phases"})
    assert service.request("no-phases")["phases_ms"] == {}
