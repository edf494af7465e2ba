"""The service against its own OpenAPI document: Schemathesis asks what the document allows and what it forbids.

`make test` asks a little, and always the same; `make contract EXAMPLES=500` asks that often, and anew each time.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import hypothesis.configuration
import pytest
import schemathesis
from hypothesis.strategies import (
    SearchStrategy,
    binary,
    fixed_dictionaries,
    integers,
    lists,
    none,
    one_of,
    sampled_from,
)
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from service.app import create_app
from service.key_file import KEYS_FILE, SCOPES, KeyFile
from service.settings import Settings
from tests.dermoscopy.dicom_files import lossless_files
from tests.dermoscopy.files import CONTENT_TYPES, encode, picture, valid_files
from tests.running_service import ROOT, WITHOUT_TLS, Service, running
from tests.tiny_models import BENIGN, GREY, MELANOMA, OTHER_MALIGNANT, png
from tests.tiny_models import picture as painted

EXAMPLES = int(os.environ.get("CONTRACT_EXAMPLES", "0"))
"""Requests for each operation; 0 is the short form."""

FORM = "multipart/form-data"
RAW = (*CONTENT_TYPES.values(), "application/dicom", "application/octet-stream")

hypothesis.configuration.set_hypothesis_home_dir(ROOT / "build" / "hypothesis")


def chosen(*values: object) -> SearchStrategy[Any]:
    """One of these, or None for a parameter that is left out."""
    return one_of(none(), sampled_from(values))


def pictures() -> SearchStrategy[bytes]:
    """Files that get an answer, of each type and for each decision."""
    painted_ones = [png(painted(colour)) for colour in (MELANOMA, OTHER_MALIGNANT, GREY, BENIGN)]
    dicom = [made.data for made in lossless_files().values()]
    others = [data for data, _ in valid_files().values()]
    return one_of(sampled_from(painted_ones), sampled_from(others), sampled_from(dicom))


def uploads() -> SearchStrategy[bytes]:
    """Those, too small ones, damaged ones, and any bytes."""
    damaged = pictures().flatmap(
        lambda data: integers(0, len(data)).map(lambda at: data[:at] + b"\xff" + data[at + 1 :])
    )
    small = sampled_from([encode(picture("RGB", (20, 20)), form) for form in CONTENT_TYPES])
    return one_of(pictures(), damaged, small, binary(max_size=64))


schemathesis.openapi.format("binary", uploads())
for media_type in RAW:
    schemathesis.openapi.media_type(media_type, uploads())

# The document cannot say which bytes are an image, so a request may keep to it and be refused all the same.
LEFT_OUT: list[schemathesis.CheckFunction] = [positive_data_acceptance]


def document() -> BaseSchema:
    """The document, as Schemathesis understands it."""
    generation = GenerationConfig(with_security_parameters=False)
    config = SchemathesisConfig(projects=ProjectsConfig(default=ProjectConfig(generation=generation)))
    return schemathesis.openapi.from_dict(create_app(Settings()).openapi(), config=config)


schema = document()
often = hypothesis.settings(
    deadline=None,
    database=None,
    derandomize=not EXAMPLES,
    max_examples=EXAMPLES or 12,
    suppress_health_check=list(hypothesis.HealthCheck),
)


@pytest.fixture(scope="module")
def contracted(pristine_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of its own: its labels are moved, and it asks for keys."""
    state = tmp_path_factory.mktemp("contract")
    key = KeyFile(state / KEYS_FILE).add("contract", SCOPES)
    with running(pristine_store, state) as started:
        started.client.headers["X-API-Key"] = key.text
        yield started


def test_the_document_is_the_one_that_is_served(contracted: Service) -> None:
    assert contracted.client.get("/openapi.json").json() == schema.raw_schema


class Asked:
    """Requests with a key that allows everything, checked against the document; counts their answers."""

    def __init__(self, service: Service) -> None:
        self.url = str(service.client.base_url)
        self.key = {"X-API-Key": service.client.headers["X-API-Key"]}
        self.answers = Counter[int]()

    def check(self, case: schemathesis.Case[Any], **headers: str) -> None:
        """Ask, and check what comes; without the key, and with a wrong one, it must be refused."""
        response = case.call(self.url, headers={**self.key, **headers})
        left_out = LEFT_OUT
        if response.status_code == 200 and case.operation.path.endswith("/batch") and not response.json()["answered"]:
            # A number in the place of the files comes over the wire as a file that is no image, which fails alone.
            left_out = [*LEFT_OUT, negative_data_rejection]
        case.validate_response(response, headers={**self.key, **headers}, excluded_checks=left_out)
        self.answers[response.status_code] += 1

    def ask(self, method: str, path: str, **request: Any) -> None:
        """Ask about what there is; `request` is as in `APIOperation.Case`, and None leaves a parameter out."""
        query = {name: value for name, value in request.pop("query", {}).items() if value is not None}
        self.check(schema[path][method].Case(query=query, **request))


@schema.parametrize()
@often
def test_what_the_document_allows_and_forbids(case: schemathesis.Case[Any], contracted: Service) -> None:
    Asked(contracted).check(case)


def body_of(data: bytes, declared: str) -> Any:
    return {"file": data} if declared == FORM else data


ALWAYS = {"always": chosen("true", "false")}


SELECTION = {
    "version": chosen(1, 1, 1, 2, 7),
    "label": chosen("stable", "stable", "nothing"),
    "explain": chosen("true"),
}
PATHOLOGY = {
    **ALWAYS,
    "breslow_mm": chosen("0", "0.8", "1.40", "100"),
    "ulcerated": chosen("true", "false"),
    "n": chosen("0", "N1a", "NX"),
    "m": chosen("0", "M1b"),
}


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/classify", {**SELECTION, "operating_point": chosen("sensitive", "specific", "none")}),
        ("/grade", {**SELECTION, **PATHOLOGY}),
    ],
)
def test_real_images_are_answered_as_documented(
    path: str, parameters: dict[str, SearchStrategy[Any]], contracted: Service
) -> None:
    asked = Asked(contracted)

    @often
    @hypothesis.given(fixed_dictionaries(parameters), uploads(), sampled_from((FORM, *RAW)))
    def ask(query: dict[str, Any], data: bytes, declared: str) -> None:
        asked.ask("POST", path, query=query, body=body_of(data, declared), media_type=declared)

    ask()
    assert asked.answers[200] >= asked.answers.total() // 20
    assert asked.answers.keys() <= {200, 400, 404, 413, 415, 422}


@pytest.mark.parametrize(
    ("path", "parameters"), [("/classify/batch", SELECTION), ("/grade/batch", {**SELECTION, **ALWAYS})]
)
def test_real_batches_are_answered_as_documented(
    path: str, parameters: dict[str, SearchStrategy[Any]], contracted: Service
) -> None:
    asked = Asked(contracted)

    @often
    @hypothesis.given(fixed_dictionaries(parameters), lists(uploads(), min_size=1, max_size=4))
    def ask(query: dict[str, Any], files: list[bytes]) -> None:
        asked.ask("POST", path, query=query, body={"files": files}, media_type=FORM)

    ask()
    assert asked.answers[200] >= asked.answers.total() // 20
    assert asked.answers.keys() <= {200, 400, 404}


def test_real_models_and_labels_are_answered_as_documented(contracted: Service) -> None:
    asked = Asked(contracted)
    moves = fixed_dictionaries({"version": sampled_from([1, 1, 2, 7])}, optional={"share": sampled_from([0, 0.5])})

    @often
    @hypothesis.given(sampled_from(["classifier", "classifier", "grader", "none"]), sampled_from([1, 2, 7]), moves)
    def ask(name: str, version: int, move: dict[str, Any]) -> None:
        asked.ask("GET", "/models/{name}", path_parameters={"name": name})
        asked.ask("GET", "/models/{name}/versions/{version}", path_parameters={"name": name, "version": version})
        label = {"name": name, "label": "canary" if "share" in move else "next"}
        asked.ask("PUT", "/models/{name}/labels/{label}", path_parameters=label, body=move)

    ask()
    assert asked.answers[200] >= asked.answers.total() // 3
    assert asked.answers.keys() <= {200, 400, 404}


@pytest.mark.parametrize(
    "body", [b"\xff", b"[" * 9_000, b'{"version":' + b"9" * 5_000 + b"}"], ids=["not-utf-8", "too-deep", "too-long"]
)
def test_a_body_that_no_parser_takes_is_refused_after_who_sent_it(body: bytes, contracted: Service) -> None:
    url, json = f"{contracted.client.base_url}/models/classifier/labels/next", {"Content-Type": "application/json"}
    assert contracted.client.put(url, content=body, headers=json).status_code == 400
    assert httpx.put(url, content=body, headers=json, verify=WITHOUT_TLS).status_code == 401


@pytest.mark.parametrize("accept", ["*/*", "text/plain", "application/openmetrics-text; version=1.0.0"])
def test_metrics_are_of_a_type_that_the_document_names(accept: str, contracted: Service) -> None:
    Asked(contracted).check(schema["/metrics"]["GET"].Case(), Accept=accept)


def test_the_service_failed_at_none_of_it(contracted: Service) -> None:
    assert contracted.events("unhandled") == []
