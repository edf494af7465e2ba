"""Against the real service: what is saved says what was answered, by the version that answered."""

import io
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from highdicom.sr import srread
from PIL import Image

from client import Client, NotFound
from client import Image as Received
from tests.dermoscopy.dicom_files import CANARY, STUDY, native
from tests.service.fhir.samples import resources
from tests.service.fhir.validators import python_faults
from tests.ui.conftest import SAMPLE, Clinic, Keys
from ui import exporting
from ui.asking import Pathology, Question, ask

PIXELS = np.asarray(Image.open(SAMPLE).convert("RGB"))
LESION = native(PIXELS)


@pytest.fixture
def client(clinic: Clinic, keys: Keys) -> Iterator[Client]:
    with Client(clinic.url, key=keys.page) as opened:
        yield opened


def test_a_bundle_says_what_was_answered(client: Client) -> None:
    question = Question("melanoma_sensitivity_90", pathology=Pathology(Decimal("1.4"), False, "N0", "M0"))
    asked = ask(client, "x", SAMPLE.read_bytes(), question)
    assert asked.graded is not None
    assert asked.question == question
    bundle = exporting.bundle(client, SAMPLE.read_bytes(), asked.graded, question)
    assert python_faults(bundle) == []
    assert exporting.as_json(bundle).startswith('{\n  "resourceType": "Bundle"')
    assert len(resources(bundle, "Media")) == 1
    said = str(resources(bundle, "Observation"))
    assert "melanoma_sensitivity_90" in said
    assert "IB" in said
    classified = client.classify(SAMPLE.read_bytes())
    other = exporting.bundle(client, SAMPLE.read_bytes(), classified, Question())
    assert classified.model.sha256 in str(resources(other, "Device"))
    assert asked.graded.model.sha256 not in str(resources(other, "Device"))


def test_a_report_is_in_the_study_and_its_picture_is_that_of_the_file(client: Client) -> None:
    asked = ask(client, "x", LESION, Question())
    assert asked.graded is not None
    found = exporting.reported(client, LESION, asked.graded, asked.question)
    report = srread(io.BytesIO(found.report))
    assert (report.StudyInstanceUID, report.PatientName) == (STUDY, CANARY)
    assert asked.graded.model.sha256 in str(report)
    assert found.picture is not None
    assert asked.graded.classification.explanation is not None
    heatmap = Image.open(io.BytesIO(asked.graded.classification.explanation.heatmap)).convert("RGBA")
    expected = Image.alpha_composite(Image.fromarray(PIXELS).convert("RGBA"), heatmap.resize((400, 400)))
    shown = np.asarray(Image.open(io.BytesIO(found.picture)), dtype=float)
    assert np.abs(shown - np.asarray(expected.convert("RGB"))).mean() < 3
    assert np.abs(shown - PIXELS).mean() > 10
    classified = exporting.reported(client, LESION, client.classify(LESION), Question())
    assert asked.graded.model.sha256 not in str(srread(io.BytesIO(classified.report)))
    assert CANARY not in repr(found)


def test_the_version_that_answered_is_asked_again(client: Client) -> None:
    """And not what the label names now."""
    answer = client.classify(LESION)
    gone = answer.model_copy(update={"model": answer.model.model_copy(update={"version": 99})})
    for again in (exporting.bundle, exporting.reported):
        with pytest.raises(NotFound):
            again(client, LESION, gone, Question())


def test_files_are_called_after_the_image_and_not_after_its_file() -> None:
    image = Received(sha256="0123456789abcdef", media_type="application/dicom", width=1, height=1)
    assert exporting.stem(image) == "melanoserve-0123456789ab"
    assert exporting.stem(image.model_copy(update={"frame": 2})) == "melanoserve-0123456789ab-frame-2"


def test_a_frame_and_a_version_are_asked_for_in_both_ways() -> None:
    question = replace(Question(frame=2), version=3)
    for options in (question.for_classify(), question.for_grade()):
        assert options == {"explain": True, "frame": 2, "version": 3}
