"""The profile clinic: what can be checked where no container is started."""

import json
import re
from typing import Any

import pytest

from gateway.settings import Settings, variable
from tests.running_service import ROOT

yaml: Any = pytest.importorskip("yaml")

SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
GATEWAY, ORTHANC = SERVICES["gateway"], SERVICES["orthanc"]


def test_the_gateway_knows_its_settings_and_both_sides_the_password() -> None:
    assert set(GATEWAY["environment"]) <= {"TZ"} | {variable(name) for name in Settings.model_fields}
    password = GATEWAY["environment"]["MELANOGATEWAY_PACS_PASSWORD"]
    assert password == ORTHANC["environment"]["ORTHANC_PASSWORD"] == "${ORTHANC_PASSWORD:-}"
    assert GATEWAY["profiles"] == ORTHANC["profiles"] == ["clinic"]


def test_nothing_of_it_is_published_but_on_loopback() -> None:
    assert "ports" not in GATEWAY
    assert len(ORTHANC["ports"]) == 2
    assert all(port.startswith("127.0.0.1:") for port in ORTHANC["ports"])


def test_orthanc_sends_to_the_gateway_that_is_there() -> None:
    configuration = json.loads((ROOT / "docker" / "orthanc" / "orthanc.json").read_text())
    assert configuration["AuthenticationEnabled"] is True
    title, host, port = configuration["DicomModalities"]["gateway"]
    assert (title, host, port) == (
        Settings.model_fields["ae_title"].default,
        "gateway",
        Settings.model_fields["port"].default,
    )
    image = re.search(r"AS gateway\n(.*?)\nFROM ", (ROOT / "Dockerfile").read_text(), re.DOTALL)
    assert image is not None
    assert f"EXPOSE {port}" in image[1]
    assert configuration["RegisteredUsers"] == {"gateway": "${ORTHANC_PASSWORD}"}, "no password stands in a file"
