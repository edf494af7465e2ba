from typing import Any

import httpx
import pytest

from service.problems import MEDIA_TYPE, catalogue


@pytest.fixture
def document(client: httpx.Client) -> dict[str, Any]:
    answer: dict[str, Any] = client.get("/openapi.json").json()
    return answer


def test_every_route_is_there(document: dict[str, Any]) -> None:
    assert document["paths"].keys() == {
        "/classify", "/grade", "/classify/batch", "/grade/batch", "/models", "/models/{name}",
        "/models/{name}/versions/{version}", "/models/{name}/versions/{version}/files/{file}",
        "/models/{name}/labels/{label}", "/audit", "/audit/head", "/livez", "/readyz", "/metrics", "/problems/{code}",
    }  # fmt: skip


@pytest.mark.parametrize("path", ["/classify", "/grade"])
def test_images_are_documented_as_form_and_as_body(document: dict[str, Any], path: str) -> None:
    operation = document["paths"][path]["post"]
    content = operation["requestBody"]["content"]
    assert content["multipart/form-data"]["schema"]["required"] == ["file"]
    assert {"image/jpeg", "image/png", "application/octet-stream"} <= content.keys()
    parameters = {parameter["name"] for parameter in operation["parameters"]}
    assert {"version", "label", "operating_point", "explain"} <= parameters
    assert ({"always", "breslow_mm", "ulcerated", "n", "m"} <= parameters) == (path == "/grade")
    assert {"400", "406", "413", "415", "422", "503"} <= operation["responses"].keys()


def test_errors_are_documented_as_problems_and_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert "HTTPValidationError" not in schemas
    for path in document["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                if status >= "400":
                    assert list(response["content"]) == [MEDIA_TYPE, "application/fhir+json"]
    for name in _references(document):
        assert name in schemas


@pytest.mark.parametrize("path", ["/classify", "/grade", "/classify/batch", "/grade/batch"])
def test_every_form_of_an_answer_is_documented(document: dict[str, Any], path: str) -> None:
    content = document["paths"][path]["post"]["responses"]["200"]["content"]
    alone = ["application/fhir+json", "application/dicom", "multipart/related"]
    assert [form.partition(";")[0] for form in content] == [
        "application/json",
        *([] if path.endswith("batch") else alone),
    ]


def test_a_key_is_sent_by_either_header_or_not_at_all_where_none_is_asked_for(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            guarded = path.startswith(("/classify", "/grade", "/models", "/audit"))
            assert operation.get("security", []) == ([{"bearer": []}, {"header": []}, {}] if guarded else [])


@pytest.mark.parametrize("path", ["/classify/batch", "/grade/batch"])
def test_batches_are_documented_as_forms_of_files(document: dict[str, Any], path: str) -> None:
    operation = document["paths"][path]["post"]
    (media_type,) = operation["requestBody"]["content"].items()
    assert media_type[0] == "multipart/form-data"
    assert media_type[1]["schema"]["properties"]["files"]["type"] == "array"
    parameters = {parameter["name"] for parameter in operation["parameters"]}
    assert not {"breslow_mm", "ulcerated", "n", "m"} & parameters


def test_every_answer_field_of_a_decision_is_documented(document: dict[str, Any]) -> None:
    properties = document["components"]["schemas"]["ClassifyAnswer"]["properties"]
    assert "Calibrated" in properties["probability"]["description"]
    assert set(document["components"]["schemas"]["ClassifyAnswer"]["required"]) == properties.keys()


def test_operations_have_names_that_a_generated_client_can_be_used_by(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(set(names)) == len(names)
    assert {"post_classify", "post_grade_batch", "get_models", "put_label"} <= set(names)


def test_no_parameter_can_be_null_which_a_query_cannot_say(document: dict[str, Any], client: httpx.Client) -> None:
    for path in document["paths"].values():
        for operation in path.values():
            assert not any({"type": "null"} in p["schema"].get("anyOf", []) for p in operation.get("parameters", []))
    version, breslow = (
        next(p["schema"] for p in document["paths"]["/grade"]["post"]["parameters"] if p["name"] == name)
        for name in ("version", "breslow_mm")
    )
    assert (version["type"], version["minimum"]) == ("integer", 1)
    assert [kind["type"] for kind in breslow["anyOf"]] == ["number", "string"]
    assert client.post("/classify?version=null", content=b"").json()["code"] == "invalid_parameter"


def test_a_problem_names_every_code_that_there_is(document: dict[str, Any]) -> None:
    codes = document["components"]["schemas"]["ProblemAnswer"]["properties"]["code"]["enum"]
    assert codes == sorted(catalogue())


def test_when_to_come_back_is_documented_where_it_may_be_told(document: dict[str, Any]) -> None:
    responses = document["paths"]["/classify"]["post"]["responses"]
    told = {status for status, response in responses.items() if "Retry-After" in response.get("headers", {})}
    assert told == {"408", "429", "503", "504"}
    assert "Retry-After" in document["paths"]["/readyz"]["get"]["responses"]["503"]["headers"]


def test_what_readyz_says_of_the_models_is_documented(document: dict[str, Any]) -> None:
    content = document["paths"]["/readyz"]["get"]["responses"]["503"]["content"]
    problem, more = content[MEDIA_TYPE]["schema"]["allOf"]
    assert problem == {"$ref": "#/components/schemas/ProblemAnswer"}
    assert more["properties"]["models"]["items"] == {"$ref": "#/components/schemas/ReadyModel"}


def test_it_is_said_whose_version_is_meant(document: dict[str, Any]) -> None:
    for parameter in document["paths"]["/grade"]["post"]["parameters"]:
        if parameter["name"] in ("version", "label"):
            assert "for /grade of the grader" in " ".join(parameter["description"].split())


def test_every_member_of_what_is_answered_is_documented_as_there(
    document: dict[str, Any], client: httpx.Client
) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["LabelMove"]["required"] == ["version"]
    manifest = client.get("/models/classifier/versions/1").json()["manifest"]
    assert manifest.keys() == set(schemas["Manifest"]["required"])
    for name, schema in schemas.items():
        assert name == "LabelMove" or set(schema["required"]) == schema["properties"].keys()


def test_a_file_is_documented_as_each_type_that_it_is_handed_out_as(document: dict[str, Any]) -> None:
    answer = document["paths"]["/models/{name}/versions/{version}/files/{file}"]["get"]["responses"]["200"]
    assert answer["content"].keys() == {"text/markdown", "text/html", "text/plain", "image/png"}


def test_a_pair_of_numbers_is_an_array_of_two(document: dict[str, Any]) -> None:
    interval = document["components"]["schemas"]["OperatingPointInfo"]["properties"]["sensitivity_ci"]
    assert interval["items"] == {"type": "number"}
    assert (interval["minItems"], interval["maxItems"], "prefixItems" in interval) == (2, 2, False)
    perhaps = document["components"]["schemas"]["OperatingPointInfo"]["properties"]["melanoma_sensitivity_ci"]
    assert "prefixItems" not in str(perhaps)


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"].rsplit("/", 1)[1]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(_references(item) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(_references(item) for item in value))
    return set()
