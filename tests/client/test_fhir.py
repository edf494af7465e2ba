import asyncio
import copy
import re
from typing import Any
from urllib.parse import parse_qs

import pytest

from client import AsyncClient, Client, Patience, UnexpectedAnswer, UnreadableImage
from client.fhir import as_transaction, linked
from tests.client.unreliable import answer, unreliable
from tests.service.fhir.samples import bundle, resources
from tests.service.fhir.validators import python_faults
from tests.tiny_models import MELANOMA, picture, png

DATA = png(picture(MELANOMA))


def test_answers_as_fhir_from_both_clients(client: Client, url: str) -> None:
    async def ask() -> tuple[dict[str, Any], dict[str, Any]]:
        async with AsyncClient(url) as opened:
            return await opened.classify_fhir(DATA), await opened.grade_fhir(DATA, always=True)

    plain = client.classify(DATA)
    for classified, graded in ((client.classify_fhir(DATA), client.grade_fhir(DATA, always=True)), asyncio.run(ask())):
        assert plain.model.sha256 in {one["identifier"][0]["value"] for one in resources(classified, "Device")}
        assert len(resources(graded, "Device")) == len(resources(classified, "Device")) + 1


def test_errors_are_those_of_every_other_method(client: Client) -> None:
    with pytest.raises(UnreadableImage) as refused:
        client.classify_fhir(b"text")
    assert refused.value.code == "unsupported_image_type"


def test_what_is_no_bundle_is_told_from_one() -> None:
    foreign = answer(200, {"resourceType": "Patient"}, "application/fhir+json")
    once = Patience(attempts=1)
    with unreliable(foreign) as server, Client(server.url, patience=once) as client, pytest.raises(UnexpectedAnswer):
        client.classify_fhir(DATA)


@pytest.mark.parametrize("name", ["classify", "grade-ajcc"])
def test_a_bundle_is_linked_to_its_patient_and_its_study(name: str) -> None:
    before = bundle(name)
    untouched = copy.deepcopy(before)
    made = linked(before, subject="Patient/123", imaging_study="ImagingStudy/4")
    assert before == untouched
    assert python_faults(made) == []
    for kind in ("DiagnosticReport", "Observation", "Media"):
        assert {one["subject"]["reference"] for one in resources(made, kind)} == {"Patient/123"}
    assert resources(made, "DiagnosticReport")[0]["imagingStudy"] == [{"reference": "ImagingStudy/4"}]
    for one in resources(made, "Observation"):
        of_pathology = one["code"]["coding"][0]["code"] == "21908-9"
        assert ({"reference": "ImagingStudy/4"} in one.get("derivedFrom", [])) != of_pathology
    alone = linked(before, subject="Patient/123")
    assert "imagingStudy" not in resources(alone, "DiagnosticReport")[0]


@pytest.mark.parametrize("name", ["classify", "classify-abstained", "grade-ajcc"])
def test_a_transaction_may_be_posted_again(name: str) -> None:
    answered = linked(bundle(name), subject="Patient/123")
    made = as_transaction(answered)
    assert (made["type"], python_faults(made)) == ("transaction", [])
    for entry in made["entry"]:
        kind = entry["resource"]["resourceType"]
        assert (entry["request"]["method"], entry["request"]["url"]) == ("POST", kind)
        assert ("ifNoneExist" in entry["request"]) == ("identifier" in entry["resource"]) == (kind != "Provenance")
    assert conditions(made) == conditions(as_transaction(answered))
    assert all(re.fullmatch(r"identifier=(\w|[.~-]|%[0-9A-F]{2})+", query) for query in conditions(made))
    assert [parse_qs(query, strict_parsing=True)["identifier"] for query in conditions(made)] == [
        [f"{one['identifier'][-1]['system']}|{one['identifier'][-1]['value']}"]
        for one in (entry["resource"] for entry in made["entry"])
        if "identifier" in one
    ]
    assert len(set(conditions(made))) == len(made["entry"]) - 1


def test_two_answers_under_one_request_id_are_both_stored() -> None:
    first, second = (as_transaction(bundle("classify")) for _ in range(2))
    assert first["identifier"] == second["identifier"]
    devices = {query for query in conditions(first) if "melanoserve" in query or "cd" * 32 in query}
    assert set(conditions(first)) & set(conditions(second)) == devices
    assert len(devices) == 2


def conditions(transaction: dict[str, Any]) -> list[str]:
    return [entry["request"]["ifNoneExist"] for entry in transaction["entry"] if "ifNoneExist" in entry["request"]]


def test_a_query_for_a_device_is_encoded_as_a_query_is() -> None:
    identifier = {"system": "urn:x", "value": "melanoserve 1.0+a&b#c"}
    device = {"resourceType": "Device", "identifier": [identifier]}
    made = as_transaction({"resourceType": "Bundle", "entry": [{"resource": device}]})
    assert made["entry"][0]["request"]["ifNoneExist"] == "identifier=urn%3Ax%7Cmelanoserve%201.0%2Ba%26b%23c"
