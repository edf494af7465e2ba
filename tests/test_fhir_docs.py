"""The examples of docs/fhir.md run."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from service.fhir import codes
from tests.running_service import ROOT, Service, running
from tests.service.fhir.samples import coded, resources
from tests.service.fhir.validators import python_faults
from tests.tiny_models import build_store

DOCS = (ROOT / "docs" / "fhir.md").read_text()
ADDRESS = "http://127.0.0.1:8000"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Any:
    store = build_store(tmp_path_factory.mktemp("store"))
    with running(store.root, tmp_path_factory.mktemp("state")) as service:
        yield service


def example(language: str, service: Service) -> str:
    (text,) = re.findall(rf"```{language}\n(.*?)```", DOCS, re.DOTALL)
    return str(text).replace(ADDRESS, str(service.client.base_url).rstrip("/"))


def test_the_command_answers_with_a_bundle(tiny: Service) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed: the command of docs/fhir.md is NOT tried")
    command = ["bash", "-c", example("sh", tiny)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert python_faults(json.loads(ended.stdout)) == []


def test_the_python_makes_what_a_fhir_server_stores(tiny: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names: dict[str, Any] = {}
    exec(example("python", tiny), names)
    stored = names["to_be_stored"]
    assert (stored["type"], python_faults(stored)) == ("transaction", [])
    assert resources(stored, "DiagnosticReport")[0]["subject"] == {"reference": "Patient/123"}
    assert "IB" in coded(stored, "21908-9")["valueCodeableConcept"]["text"]


def test_the_code_system_is_the_one_that_is_used() -> None:
    assert codes.MELANOSERVE in DOCS


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", DOCS):
        assert (Path("docs") / target).exists() or (ROOT / "docs" / target).exists(), target
