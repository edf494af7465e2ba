import json
import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from client import Client, Patience
from tests.running_service import running
from tests.ui.conftest import SAMPLE, Clinic, Keys
from ui.asking import Pathology, Question, ask


def test_everything_that_may_be_asked_is_asked(clinic: Clinic, keys: Keys) -> None:
    question = Question("melanoma_sensitivity_90", True, Pathology(Decimal("1.4"), False, "N0", "M0"))
    with Client(clinic.url, key=keys.page) as client:
        asked = ask(client, "sample.png", SAMPLE.read_bytes(), question)
    assert asked.graded is not None
    assert asked.graded.ajcc is not None
    assert asked.graded.ajcc.clinical_stage_group == "IB"
    assert asked.classification is not None
    assert asked.classification.operating_point.name == "melanoma_sensitivity_90"
    assert asked.classification.explanation is not None
    assert asked.trouble is None


@pytest.mark.parametrize(("data", "code"), [(b"no image", "unsupported_image_type"), (b"", "empty_image")])
def test_what_cannot_be_read_is_trouble(clinic: Clinic, keys: Keys, data: bytes, code: str) -> None:
    with Client(clinic.url, key=keys.page) as client:
        asked = ask(client, "x", data, Question())
    assert asked.answer is None
    assert getattr(asked.trouble, "code", None) == code


def test_where_there_is_no_grader_the_classifier_answers_and_that_is_said(store: Path, tmp_path: Path) -> None:
    alone = tmp_path / "models"
    shutil.copytree(store / "classifier", alone / "classifier")
    labels = json.loads((store / "labels.json").read_text())
    (alone / "labels.json").write_text(json.dumps({"classifier": labels["classifier"]}))
    with (
        running(alone, tmp_path / "state", ready=False) as service,
        Client(str(service.client.base_url), patience=Patience(attempts=1)) as client,
    ):
        asked = ask(client, "sample.png", SAMPLE.read_bytes(), Question("melanoma_sensitivity_90"))
        refused = ask(client, "sample.png", SAMPLE.read_bytes(), Question("none"))
        numbered = ask(client, "sample.png", SAMPLE.read_bytes(), Question(version=99))
    assert asked.graded is None
    assert asked.classification is not None
    assert asked.classification.operating_point.name == "melanoma_sensitivity_90"
    assert asked.classification.decision == "benign"  # malignant at the default one, which misses fewer
    assert asked.no_grader is not None
    assert asked.no_grader.code == "unknown_label"
    assert numbered.classification is not None, "the number is the grader's"
    assert getattr(refused.trouble, "code", None) == "unknown_operating_point"
