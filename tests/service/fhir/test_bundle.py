import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.ajcc import Pathology
from service.fhir.bundle import MEDIA_TYPE, bundle_of
from service.fhir.outcome import outcome
from service.problems import catalogue
from tests.running_service import Service
from tests.service.fhir.samples import ANSWERS, CLASSIFIED, IMAGE, NOTE, NOW, bundle, coded, components, resources
from tests.service.fhir.validators import NodeValidator, python_faults
from tests.tiny_models import BENIGN, MELANOMA, picture, png

Breaking = Callable[[dict[str, Any]], object]


def observation(bundle: dict[str, Any]) -> dict[str, Any]:
    return resources(bundle, "Observation")[0]


BROKEN: dict[str, tuple[Breaking, str]] = {
    "no-code": (lambda b: observation(b).pop("code"), "both"),
    "no-status": (lambda b: resources(b, "DiagnosticReport")[0].pop("status"), "both"),
    "no-target": (lambda b: resources(b, "Provenance")[0].pop("target"), "both"),
    "unknown-member": (lambda b: observation(b).update(probability=0.3), "both"),
    "a-text-for-a-number": (lambda b: observation(b)["valueQuantity"].update(value="much"), "both"),
    "unknown-status": (lambda b: observation(b).update(status="guessed"), "node"),
    "unknown-bundle": (lambda b: b.update(type="heap"), "node"),
    "two-values": (lambda b: observation(b).update(valueString="x"), "python"),
}
"""What is wrong with a bundle of /classify, and which of the validators sees it."""


def broken(name: str) -> dict[str, Any]:
    spoiled = bundle("classify")
    BROKEN[name][0](spoiled)
    return spoiled


@pytest.fixture(scope="module")
def by_node(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What npm's fhir finds wrong with every bundle, every OperationOutcome and every broken bundle."""
    node = NodeValidator(tmp_path_factory.mktemp("npm"))
    asked = {
        **{name: bundle(name) for name in ANSWERS},
        **{name: broken(name) for name in BROKEN},
        **{code: dict(outcome(kind, "detail")) for code, kind in catalogue().items()},
    }
    return dict(zip(asked, node.faults(list(asked.values())), strict=True))


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_is_a_valid_bundle(name: str, by_node: dict[str, list[str]]) -> None:
    assert python_faults(bundle(name)) == []
    assert by_node[name] == []


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_bundle_is_not(name: str, by_node: dict[str, list[str]]) -> None:
    seen_by = BROKEN[name][1]
    assert bool(python_faults(broken(name))) == (seen_by in {"both", "python"})
    assert bool(by_node[name]) == (seen_by in {"both", "node"})


@pytest.mark.parametrize("code", catalogue())
def test_every_problem_is_a_valid_operation_outcome(code: str, by_node: dict[str, list[str]]) -> None:
    assert python_faults(dict(outcome(catalogue()[code], "detail"))) == []
    assert by_node[code] == []


@pytest.mark.parametrize("name", ANSWERS)
def test_every_reference_leads_into_the_bundle_and_no_name_stands_for_two(name: str) -> None:
    whole = bundle(name)
    names = [entry["fullUrl"] for entry in whole["entry"]]
    assert len(set(names)) == len(names)
    referred = set(re.findall(r'"reference": "([^"]+)"', json.dumps(whole)))
    assert referred <= set(names)
    listed = {one["reference"] for one in resources(whole, "DiagnosticReport")[0]["result"]}
    assert listed == {e["fullUrl"] for e in whole["entry"] if e["resource"]["resourceType"] == "Observation"}


def test_two_answers_to_the_same_request_are_two_reports_of_one_device() -> None:
    one, other = bundle("classify"), bundle("classify")
    urls = [{e["fullUrl"]: e["resource"]["resourceType"] for e in b["entry"]} for b in (one, other)]
    assert {urls[0][url] for url in urls[0].keys() & urls[1].keys()} == {"Device"}
    assert one["identifier"]["value"] == "c4a354019b13"


@pytest.mark.parametrize("name", ANSWERS)
def test_nothing_is_final_and_everything_of_a_model_says_that_it_is(name: str) -> None:
    whole = bundle(name)
    for one in (*resources(whole, "Observation"), *resources(whole, "DiagnosticReport"), *resources(whole, "Media")):
        assert one["status"] == ("completed" if one["resourceType"] == "Media" else "preliminary")
        if "AJCC" not in json.dumps(one):
            assert one["meta"]["security"][0]["code"] == "AIAST"
            assert NOTE in one.get("conclusion", "") + json.dumps([n["text"] for n in one.get("note", [])])[
                1:-1
            ].replace('\\"', '"')
    assert whole["type"] == "collection"


def test_the_report_shows_itself_to_a_person_and_its_text_cannot_break_out() -> None:
    (report,) = resources(bundle("classify"), "DiagnosticReport")
    assert report["conclusion"].startswith(
        "Looks malignant at the operating point, with a probability of malignancy of 0.37"
    )
    assert NOTE in report["conclusion"]
    assert "&quot;p &lt; 1&quot; &amp; never" in report["text"]["div"]
    (abstained,) = resources(bundle("classify-abstained"), "DiagnosticReport")
    assert abstained["conclusion"].startswith(
        "The service abstained: no decision and no probability. Of the image it says: blurred, too_dark. "
    )


def test_the_report_says_for_which_prevalence_its_probability_is_calibrated() -> None:
    (report,) = resources(bundle("classify-calibrated"), "DiagnosticReport")
    assert "a probability of malignancy of 0.370123, calibrated for a prevalence of 20 %; no" in report["conclusion"]
    assert "prevalence" not in resources(bundle("classify"), "DiagnosticReport")[0]["conclusion"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("grade", "Resembles stage grade 2 (resembles invasive), which is no clinical stage."),
        ("grade-withheld", "No stage grade: looks benign"),
        ("grade-abstained", "No stage grade: abstained"),
        (
            "grade-ajcc",
            "AJCC 8: T category T2a, clinical stage group IB. From the pathology sent with the request",
        ),
        ("grade-ajcc-incomplete", "clinical stage group that cannot be said. "),
    ],
)
def test_who_reads_the_text_alone_misses_neither_grade_nor_stage(name: str, told: str) -> None:
    (report,) = resources(bundle(name), "DiagnosticReport")
    assert told in report["conclusion"]
    assert told in report["text"]["div"]


def test_a_probability_just_below_the_threshold_does_not_read_as_it_does() -> None:
    nearly = CLASSIFIED.model_copy(update={"decision": "benign", "probability": 0.2999999})
    whole = json.loads(json.dumps(bundle_of(nearly, Pathology(), NOW)))
    (report,) = resources(whole, "DiagnosticReport")
    assert report["conclusion"].startswith(
        "Looks benign at the operating point, with a probability of malignancy of 0.2999999; no diagnosis. "
        "Called malignant from a probability of 0.3000000 on: "
    )
    (range_,) = coded(whole, "111047")["referenceRange"]
    assert range_["text"].startswith("Called malignant from a probability of 0.3000000 on: ")


def test_two_frames_of_a_file_can_be_told_apart() -> None:
    def said(frame: int | None) -> tuple[str, str]:
        image = IMAGE.model_copy(update={"frame": frame})
        whole = json.loads(json.dumps(bundle_of(CLASSIFIED.model_copy(update={"image": image}), Pathology(), NOW)))
        (report,), (record,) = resources(whole, "DiagnosticReport"), resources(whole, "Provenance")
        return report["conclusion"], record["entity"][0]["what"]["display"]

    conclusion, display = said(2)
    assert conclusion.startswith("Frame 2 of the DICOM object. Looks malignant")
    assert "frame 2, 1022 x 767 pixels" in display
    assert all("rame" not in text.partition("no diagnosis")[0] for text in said(None))


def test_the_heatmap_is_a_picture_of_the_report() -> None:
    whole = bundle("classify")
    (media,) = resources(whole, "Media")
    assert media["content"]["data"] == "aGVsbG8="
    assert resources(whole, "DiagnosticReport")[0]["media"][0]["link"]["reference"] in json.dumps(whole["entry"])
    assert resources(bundle("classify-abstained"), "Media") == []


def ask(client: httpx.Client, path: str, data: bytes, **query: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The same question answered as FHIR and as JSON."""
    answers = []
    for accept in ("application/fhir+json", "application/json"):
        answer = client.post(path, files={"file": data}, params=query, headers={"Accept": accept})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith(accept)
        assert answer.headers["vary"] == "Accept"
        answers.append(answer.json())
    return answers[0], answers[1]


def test_a_running_service_says_the_same_in_fhir_as_in_json(client: httpx.Client) -> None:
    fhir, plain = ask(client, "/grade", png(picture(MELANOMA)), breslow_mm="1.40", ulcerated="false", n="N0", m="0")
    assert python_faults(fhir) == []
    decided = plain["classification"]
    probability, decision = coded(fhir, "111047"), coded(fhir, "decision")
    assert probability["valueQuantity"]["value"] == pytest.approx(decided["probability"] * 100, rel=1e-9)
    assert decision["valueCodeableConcept"]["coding"][0]["code"] == decided["decision"]
    point = decided["operating_point"]
    assert components(decision)["threshold"]["value"] == pytest.approx(point["threshold"] * 100)
    assert components(decision)["measured-on"] == point["measured_on"]
    grade = coded(fhir, "stage-grade")
    assert grade["valueCodeableConcept"]["coding"][0]["code"] == f"stage-grade-{plain['grade']['stage']}"
    assert {"text": plain["grade"]["label_policy"]} in grade["note"]
    assert coded(fhir, "21908-9")["valueCodeableConcept"]["text"] == "AJCC 8 clinical stage group IB"
    devices = resources(fhir, "Device")
    for device, model in zip(devices[:2], (decided["model"], plain["model"]), strict=True):
        assert device["identifier"][0]["value"] == model["sha256"]
        assert device["version"][0]["value"] == str(model["version"])
        assert device["note"] == [{"text": plain["intended_use"]}]
    (record,) = resources(fhir, "Provenance")
    run = f"run by {plain['model']['runtime']} in {plain['model']['precision']}"
    assert record["agent"][1]["who"]["display"] == f"grader {plain['model']['version']}, {run}"
    assert record["entity"][0]["what"]["identifier"]["value"] == plain["image"]["sha256"]


def test_a_running_service_writes_its_heatmap_and_its_version(client: httpx.Client) -> None:
    fhir, plain = ask(client, "/classify", png(picture(BENIGN)), explain="true", version="2")
    assert resources(fhir, "Media")[0]["content"]["data"] == plain["explanation"]["heatmap_png"]
    assert fhir["identifier"]["value"] != plain["request_id"]
    answer = client.post(
        "/classify", content=png(picture(BENIGN)), headers={"Accept": MEDIA_TYPE, "Content-Type": "image/png"}
    )
    assert answer.headers["content-type"] == MEDIA_TYPE


def test_a_batch_is_json_only(client: httpx.Client) -> None:
    answer = client.post("/classify/batch", files={"files": b"x"}, headers={"Accept": "application/fhir+json"})
    assert (answer.status_code, answer.json()["issue"][0]["details"]["coding"][0]["code"]) == (406, "not_acceptable")


def test_what_is_answered_as_fhir_is_counted_and_logged_as_ever(service: Service) -> None:
    headers = {"Accept": "application/fhir+json", "X-Request-ID": "fhir-1"}
    answer = service.client.post("/classify", files={"file": png(picture(MELANOMA))}, headers=headers)
    assert answer.json()["identifier"]["value"] == "fhir-1"
    assert service.request("fhir-1")["status"] == 200


def test_the_lock_file_names_no_registry() -> None:
    lock = (Path(__file__).parent / "npm" / "package-lock.json").read_text()
    assert "resolved" not in lock
    assert "://" not in lock


def test_what_is_stored_without_the_bundle_still_names_the_request() -> None:
    made = bundle("grade-ajcc")
    (report,) = resources(made, "DiagnosticReport")
    assert report["identifier"][0] == made["identifier"]
    statements = [report, *resources(made, "Observation"), *resources(made, "Media")]
    own = [one["identifier"][-1]["value"] for one in statements]
    assert {f"urn:uuid:{value}" for value in own} <= {entry["fullUrl"] for entry in made["entry"]}
    assert len(set(own)) == len(statements)
