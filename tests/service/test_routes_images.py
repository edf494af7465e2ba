import base64
import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from model_store.store import Store
from tests.running_service import running
from tests.tiny_models import BENIGN, GREY, MELANOMA, OTHER_MALIGNANT, picture, png

CLASSIFICATION = {
    "decision", "probability", "calibrated_for_prevalence", "classes", "differential", "operating_point",
    "at_prevalence", "quality", "model", "explanation",
}  # fmt: skip
CLASSIFY = CLASSIFICATION | {"request_id", "image", "intended_use"}
GRADE = {"request_id", "classification", "grade", "grade_withheld", "ajcc", "image", "model", "intended_use"}
MODEL = {"name", "version", "sha256", "runtime", "precision"}
POINT = {
    "name", "threshold", "sensitivity", "sensitivity_ci", "melanoma_sensitivity", "melanoma_sensitivity_ci",
    "specificity", "specificity_ci", "measured_on",
}  # fmt: skip


def encoded(pixels: NDArray[np.uint8], kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def form(client: httpx.Client, path: str, data: bytes, **query: str) -> dict[str, Any]:
    answer = client.post(path, files={"file": ("x.png", data)}, params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    body: dict[str, Any] = answer.json()
    assert body["request_id"] == answer.headers["x-request-id"]
    return body


def raw(client: httpx.Client, path: str, data: bytes, media_type: str) -> dict[str, Any]:
    answer = client.post(path, content=data, headers={"Content-Type": media_type})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_classify_answers_with_exactly_the_contract_s_fields(client: httpx.Client, pristine_store: Path) -> None:
    data = png(picture(MELANOMA))
    answer = form(client, "/classify", data)
    stored = Store(pristine_store).open("classifier", 1)
    assert answer.keys() == CLASSIFY
    assert answer["decision"] == "malignant"
    assert 0.5 < answer["probability"] <= 1
    assert list(answer["classes"]) == ["melanoma", "other_malignant", "benign"]
    assert sum(answer["classes"].values()) == pytest.approx(1)
    malignant = answer["classes"]["melanoma"] + answer["classes"]["other_malignant"]
    assert answer["probability"] == pytest.approx(malignant, abs=1e-3)
    assert [(one["code"], one["name"], one["icd10"]) for one in answer["differential"]] == [
        ("mel", "made up mel", ["C43"]), ("bcc", "made up bcc", ["C44"]), ("nv", "made up nv", ["D22"])
    ]  # fmt: skip
    assert answer["differential"][0]["probability"] == pytest.approx(answer["classes"]["melanoma"], abs=1e-3)
    assert answer["operating_point"] == {
        "name": "sensitive", "threshold": 0.3, "measured_on": "painted",
        "sensitivity": 0.9, "sensitivity_ci": [0.8, 0.95], "specificity": 0.9, "specificity_ci": [0.8, 0.95],
        "melanoma_sensitivity": None, "melanoma_sensitivity_ci": None,
    }  # fmt: skip
    assert answer["image"] == {
        "sha256": hashlib.sha256(data).hexdigest(), "media_type": "image/png",
        "width": 224, "height": 224, "frame": None,
    }  # fmt: skip
    assert answer["model"].keys() == MODEL
    assert (answer["model"]["name"], answer["model"]["version"]) == ("classifier", 1)
    assert answer["model"]["sha256"] == stored.digest
    assert answer["model"]["runtime"] == "openvino"
    assert answer["model"]["precision"] in {"f32", "bf16"}
    assert (answer["at_prevalence"], answer["quality"], answer["explanation"]) == (None, None, None)
    assert answer["intended_use"] == stored.manifest.intended_use


def test_grade_answers_with_exactly_the_contract_s_fields(client: httpx.Client) -> None:
    answer = form(client, "/grade", png(picture(MELANOMA)))
    assert answer.keys() == GRADE
    assert answer["classification"].keys() == CLASSIFICATION
    assert answer["classification"]["operating_point"].keys() == POINT
    assert answer["classification"]["model"]["name"] == "classifier"
    assert (answer["model"]["name"], answer["model"]["version"]) == ("grader", 1)
    grade = answer["grade"]
    assert grade.keys() == {"stage", "probabilities", "meaning", "label_policy", "evidence", "caveat"}
    assert list(grade["probabilities"]) == list(grade["meaning"]) == ["1", "2", "3"]
    assert sum(grade["probabilities"].values()) == pytest.approx(1)
    assert grade["probabilities"][str(grade["stage"])] == max(grade["probabilities"].values())
    assert grade["label_policy"] == "the redder the higher"
    assert (grade["caveat"], answer["grade_withheld"], answer["ajcc"]) == (None, None, None)


def test_what_the_decision_is_worth_at_the_caller_s_prevalence_is_told_where_it_is_asked(client: httpx.Client) -> None:
    """The version of the test has a sensitivity and a specificity of 0.9 (0.8 to 0.95), calibrated for 0.2."""
    data = png(picture(MELANOMA))
    answer = form(client, "/classify", data, prevalence="0.05")
    found, odds = answer["at_prevalence"], answer["probability"] / (1 - answer["probability"])
    there = odds * (0.05 / 0.95) / (0.2 / 0.8)
    assert found["prevalence"] == 0.05
    assert found["probability"] == pytest.approx(there / (1 + there))
    assert found["ppv"] == pytest.approx(0.045 / (0.045 + 0.095))
    assert found["npv"] == pytest.approx(0.855 / (0.855 + 0.005))
    assert found["ppv_ci"] == pytest.approx([0.04 / (0.04 + 0.19), 0.0475 / (0.0475 + 0.0475)])
    assert found["npv_ci"] == pytest.approx([0.76 / (0.76 + 0.01), 0.9025 / (0.9025 + 0.0025)])
    assert form(client, "/grade", data, prevalence="0.05")["classification"]["at_prevalence"] == found
    batch = client.post("/classify/batch?prevalence=0.05", files={"files": data}).json()
    assert batch["items"][0]["answer"]["at_prevalence"] == found


@pytest.mark.parametrize("path", ["/classify", "/grade"])
def test_a_form_and_a_raw_body_get_the_same_answer(client: httpx.Client, path: str) -> None:
    data = png(picture(MELANOMA, seed=3))
    answers = [
        form(client, path, data),
        raw(client, path, data, "image/png"),
        raw(client, path, data, "application/octet-stream"),
        raw(client, path, data, "image/jpeg"),
    ]
    for answer in answers:
        answer.pop("request_id")
    assert all(answer == answers[0] for answer in answers)


def test_grade_classifies_as_classify_does(client: httpx.Client) -> None:
    data = png(picture(GREY))
    alone = form(client, "/classify", data)
    assert form(client, "/grade", data)["classification"] == {name: alone[name] for name in CLASSIFICATION}


@pytest.mark.parametrize(
    ("kind", "media_type", "options"),
    [("JPEG", "image/jpeg", {"quality": 95}), ("PNG", "image/png", {}), ("TIFF", "image/tiff", {}),
     ("WEBP", "image/webp", {"lossless": True}), ("BMP", "image/bmp", {})],
)  # fmt: skip
def test_every_format_is_recognised_by_its_bytes(
    client: httpx.Client, kind: str, media_type: str, options: dict[str, Any]
) -> None:
    pixels = picture(MELANOMA)
    answer = raw(client, "/classify", encoded(pixels, kind, **options), "application/octet-stream")
    assert answer["image"]["media_type"] == media_type
    assert answer["probability"] == pytest.approx(form(client, "/classify", png(pixels))["probability"], abs=0.02)


def test_size_is_that_of_the_upright_picture(client: httpx.Client) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    tall = np.repeat(picture(MELANOMA), 2, axis=1)
    answer = form(client, "/classify", encoded(tall, "JPEG", exif=exif), explain="true")
    assert (answer["image"]["width"], answer["image"]["height"]) == (224, 448)
    drawn = Image.open(io.BytesIO(base64.b64decode(answer["explanation"]["heatmap_png"])))
    assert drawn.size == (128, 256)


@pytest.mark.parametrize("path", ["/classify", "/grade"])
def test_explain_adds_a_picture_that_can_be_laid_over_the_image(client: httpx.Client, path: str) -> None:
    pixels = picture(BENIGN)
    pixels[:112, 112:] = picture(MELANOMA)[:112, 112:]  # evidence top right only
    answer = form(client, path, png(pixels), explain="true")
    explanation = answer.get("explanation") or answer["classification"]["explanation"]
    drawn = np.asarray(Image.open(io.BytesIO(base64.b64decode(explanation["heatmap_png"]))).convert("RGBA"))
    opacity = drawn[..., 3].astype(float)
    assert opacity[:128, 128:].mean() > 3 * opacity[128:, :128].mean()


def test_an_operating_point_decides_and_changes_nothing_else(client: httpx.Client) -> None:
    between = next(
        data
        for data in (png(picture((level, level, level))) for level in range(90, 160, 2))
        if 0.35 < form(client, "/classify", data)["probability"] < 0.65
    )
    sensitive = form(client, "/classify", between, operating_point="sensitive")
    specific = form(client, "/classify", between, operating_point="specific")
    assert (sensitive["decision"], specific["decision"]) == ("malignant", "benign")
    assert sensitive["probability"] == specific["probability"]
    assert specific["operating_point"]["threshold"] == 0.7


@pytest.mark.parametrize(("colour", "why"), [(BENIGN, "benign"), (OTHER_MALIGNANT, "melanoma")])
def test_a_grade_is_withheld_unless_melanoma_leads(
    client: httpx.Client, colour: tuple[int, int, int], why: str
) -> None:
    answer = form(client, "/grade", png(picture(colour)))
    assert answer["grade"] is None
    assert why in answer["grade_withheld"]
    always = form(client, "/grade", png(picture(colour)), always="true")
    assert always["grade"]["stage"] in {1, 2, 3}
    assert always["grade_withheld"] is None
    assert always["grade"]["caveat"].startswith(answer["grade_withheld"])
    assert ("more likely benign" in always["grade"]["caveat"]) == (colour == BENIGN)


def test_pathology_gives_a_stage_whatever_the_image_shows(client: httpx.Client) -> None:
    query = {"breslow_mm": "1.04", "ulcerated": "false", "n": "N0", "m": "0"}
    answer = form(client, "/grade", png(picture(BENIGN)), **query)
    assert answer["ajcc"] == {
        "t_category": "T1b",
        "clinical_stage_group": "IB",
        "edition": "AJCC 8",
        "basis": "From the pathology sent with the request, not from the image: Breslow 1.04 mm, recorded as 1.0 mm, "
        "not ulcerated, n=N0, m=0.",
    }


def test_a_version_is_loaded_when_it_is_asked_for(client: httpx.Client) -> None:
    data = png(picture(MELANOMA))
    first, second = (form(client, "/classify", data, version=version) for version in ("1", "2"))
    assert (first["model"]["version"], second["model"]["version"]) == (1, 2)
    assert first["probability"] != second["probability"]
    labelled = form(client, "/classify", data, label="stable")
    assert labelled["model"] == first["model"]


def test_requests_at_the_same_time_each_get_their_own_answer(client: httpx.Client) -> None:
    images = [png(picture((level, level, level), seed=level)) for level in range(90, 170, 2)]
    alone = [form(client, "/classify", data) for data in images]
    assert len({answer["image"]["sha256"] for answer in alone}) == 40
    assert len({answer["probability"] for answer in alone}) > 20
    with ThreadPoolExecutor(16) as pool:
        together = list(pool.map(lambda data: form(client, "/classify", data), images))
    for one, other in zip(alone, together, strict=True):
        assert one.pop("request_id") != other.pop("request_id")
        assert one == other


def test_probes_answer_while_large_images_are_decoded(pristine_store: Path, state: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2000, 3000, 3), dtype=np.uint8)
    data = encoded(noise, "PNG", compress_level=1)
    answered = 0
    with running(pristine_store, state) as service, ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(form, service.client, "/classify", data) for _ in range(4)]
        while not all(future.done() for future in sent):
            assert service.client.get("/livez").status_code == 200
            answered += 1
    assert len({str(future.result()["classes"]) for future in sent}) == 1
    # A probe that waited for the image before it would be answered a few times only.
    assert answered > 20
