import base64
import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from client import ClassifyAnswer, GradeAnswer, NotReachable, UnexpectedAnswer
from tests.ui.test_words import problem
from ui import records
from ui.asking import Asked, Question

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MODEL = {"name": "classifier", "version": 2, "sha256": "c" * 64, "runtime": "openvino", "precision": "f32"}
POINT = {
    "name": "sensitive", "threshold": 0.06, "sensitivity": 0.95, "sensitivity_ci": [0.9, 0.97], "specificity": 0.6,
    "specificity_ci": [0.5, 0.7], "measured_on": "painted",
}  # fmt: skip
HEATMAP = base64.b64encode(b"a heatmap").decode()
SAID: dict[str, Any] = {
    "decision": "malignant", "probability": 0.25, "classes": {"melanoma": 0.2, "benign": 0.75},
    "operating_point": POINT, "quality": None, "model": MODEL, "explanation": {"heatmap_png": HEATMAP},
}  # fmt: skip
AROUND = {
    "request_id": "f00",
    "image": {"sha256": "a" * 64, "media_type": "image/png", "width": 4, "height": 3},
    "intended_use": "Tests only.",
}
GRADE = {
    "stage": 2, "probabilities": {"1": 0.1, "2": 0.7, "3": 0.2}, "meaning": {}, "label_policy": "made up",
    "evidence": {}, "caveat": None,
}  # fmt: skip


def graded(**changes: Any) -> Asked:
    """An answer of /grade."""
    fields = AROUND | {
        "classification": SAID, "grade": GRADE, "grade_withheld": None, "ajcc": None,
        "model": MODEL | {"name": "grader"}, "new_in_a_later_service": 1,
    }  # fmt: skip
    return Asked("lesion.png", WHEN, GradeAnswer.model_validate(fields | changes))


def classified(**changes: Any) -> Asked:
    """An answer of /classify."""
    return Asked("lesion.png", WHEN, ClassifyAnswer.model_validate(SAID | AROUND | changes))


ABSTAINED = classified(decision="abstained", probability=None, classes=None)


def _read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_row_has_what_was_said_and_by_which_version() -> None:
    (row,) = _read(records.as_csv([graded()]))
    assert (row["decision"], row["probability"], row["stage"], row["request_id"]) == ("malignant", "0.25", "2", "f00")
    assert row["classifier"] == f"classifier/2 {'c' * 64}"
    assert row["when"] == "2026-01-02T03:04:05+00:00"
    assert row["intended_use"] == "Tests only."


def test_two_frames_of_a_file_are_told_apart() -> None:
    second = replace(graded(), question=Question(frame=2))
    rows = _read(records.as_csv([graded(), second]))
    assert [(row["file"], row["frame"]) for row in rows] == [("lesion.png", ""), ("lesion.png", "2")]
    assert records.brief(second)["Image"] == "lesion.png, frame 2"
    first, other = json.loads(records.as_json([graded(), second]))
    assert "frame" not in first
    assert other["frame"] == 2


def test_what_was_not_answered_stays_empty() -> None:
    rows = _read(
        records.as_csv(
            [
                ABSTAINED,
                Asked("broken.jpg", WHEN, trouble=problem("corrupt_image")),
                Asked("lost.jpg", WHEN, trouble=NotReachable("nothing listens")),
            ]
        )
    )
    assert [row["probability"] for row in rows] == ["", "", ""]
    assert [row["decision"] for row in rows] == ["abstained", "", ""]
    assert [row["problem"] for row in rows] == ["", "corrupt_image", "not_reachable"]
    assert records.brief(ABSTAINED)["Probability"] == "not answered"


def test_what_is_no_melanoserve_is_not_said_to_be_away() -> None:
    lost = Asked("lost.jpg", WHEN, trouble=NotReachable("nothing listens"))
    other = Asked("other.jpg", WHEN, trouble=UnexpectedAnswer("a proxy"))
    assert [row["problem"] for row in _read(records.as_csv([lost, other]))] == ["not_reachable", "unexpected_answer"]
    codes = [one["problem"]["code"] for one in json.loads(records.as_json([lost, other]))]
    assert codes == ["not_reachable", "unexpected_answer"]
    told = [records.brief(asked)["Decision"] for asked in (lost, other)]
    assert told == [
        "No answer: the service could not be reached",
        "No answer: something else than melanoserve answered",
    ]


def test_a_file_named_like_a_formula_is_a_text_to_a_spreadsheet() -> None:
    (row,) = _read(records.as_csv([Asked("=HYPERLINK(1)", WHEN, trouble=problem("corrupt_image"))]))
    assert row["file"] == "'=HYPERLINK(1)"


def test_the_whole_answer_is_kept_but_its_heatmap() -> None:
    text = records.as_json([graded(), classified(), Asked("broken.jpg", WHEN, trouble=problem("corrupt_image"))])
    assert HEATMAP not in text
    first, second, third = json.loads(text)
    assert first["answer"]["classification"]["operating_point"]["sensitivity_ci"] == [0.9, 0.97]
    assert first["answer"]["new_in_a_later_service"] == 1
    assert second["answer"]["decision"] == "malignant"
    assert third["problem"]["code"] == "corrupt_image"
    assert "answer" not in third


def test_a_grade_with_a_caveat_is_marked() -> None:
    assert records.brief(graded())["Stage grade"] == "resembles 2"
    assert records.brief(graded(grade=GRADE | {"caveat": "benign"}))["Stage grade"] == "resembles 2 (caveat)"
    assert records.brief(graded(grade=None, grade_withheld="benign"))["Stage grade"] == "none"
    rows = _read(records.as_csv([graded(), graded(grade=GRADE | {"caveat": "rather benign"})]))
    assert [row["grade_caveat"] for row in rows] == ["", "rather benign"]
