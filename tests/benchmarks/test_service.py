import json
from pathlib import Path

from benchmarks.processes import status_of
from benchmarks.requests import get, post_image
from benchmarks.service import ROOT, service


def test_the_real_service_is_started_with_a_key_and_a_log_and_stopped(tmp_path: Path) -> None:
    image = (ROOT / "docs" / "images" / "sample.png").read_bytes()
    with service(tmp_path / "service.log") as server:
        assert server.key is not None
        assert status_of(server.port, post_image(image, media_type="image/png")) == 401
        assert status_of(server.port, post_image(image, key=server.key, media_type="image/png")) == 200
        assert status_of(server.port, get("/metrics")) == 200
        assert status_of(server.port, get("/models", key=server.key)) == 200
        memory = server.memory()
        assert memory.largest > 50
    assert status_of(server.port, get("/livez")) is None
    events = [json.loads(line) for line in (tmp_path / "service.log").read_text().splitlines()]
    assert sum(event["event"] == "request" and event["path"] == "/classify" for event in events) == 2
    assert events[-1]["event"] == "stopped"
