from service import VERSION
from service.fhir.devices import model_device, service_device
from tests.service.fhir.samples import CLASSIFIER, IMAGE, NOTE, bundle, resources


def test_a_device_is_a_version_whatever_runs_it() -> None:
    device = model_device(CLASSIFIER, NOTE)
    assert device.resource["identifier"][0]["value"] == CLASSIFIER.sha256
    assert [one["value"] for one in device.resource["version"]] == ["2"]
    assert model_device(CLASSIFIER.model_copy(update={"precision": "f32"}), NOTE) == device
    assert model_device(CLASSIFIER.model_copy(update={"sha256": "00" * 32}), NOTE).url != device.url


def test_the_software_is_a_device_too() -> None:
    assert service_device().resource["version"][0]["value"] == VERSION


def test_provenance_says_which_models_said_it_and_names_the_image_by_its_hash() -> None:
    whole = bundle("grade")
    (record,) = resources(whole, "Provenance")
    by_url = {entry["fullUrl"]: entry["resource"] for entry in whole["entry"]}
    who = [by_url[agent["who"]["reference"]]["deviceName"][0]["name"] for agent in record["agent"]]
    assert who == ["melanoserve classifier", "melanoserve grader", "melanoserve"]
    assert record["agent"][1]["who"]["display"] == "grader 3, run by openvino in bf16"
    assert record["entity"][0]["what"]["identifier"]["value"] == IMAGE.sha256
    said = {by_url[target["reference"]]["resourceType"] for target in record["target"]}
    assert said == {"DiagnosticReport", "Observation", "Media"}
