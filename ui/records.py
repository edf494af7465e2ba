"""What a session has asked, as a table and as files to take away."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from client import GradeAnswer, MelanoserveError, NotReachable, Problem
from ui.asking import Asked
from ui.words import percent

COLUMNS = (
    "when", "file", "frame", "sha256", "decision", "probability", "operating_point", "threshold", "stage",
    "grade_caveat", "grade_withheld", "ajcc_t", "ajcc_group", "classifier", "grader", "request_id", "problem",
    "intended_use", "calibrated_for_prevalence", "stage_meaning",
)  # fmt: skip


def row(asked: Asked) -> dict[str, Any]:
    """One image as a row of the table of `COLUMNS`; what the service did not say is None."""
    found: dict[str, Any] = dict.fromkeys(COLUMNS)
    found |= {"when": asked.when.isoformat(timespec="seconds"), "file": asked.name, "frame": asked.question.frame}
    trouble = asked.trouble or asked.no_grader
    if trouble is not None:
        found["problem"] = _code(trouble)
        found["request_id"] = trouble.request_id if isinstance(trouble, Problem) else None
    said, answer = asked.classification, asked.answer
    if said is None or answer is None:
        return found
    found |= {
        "sha256": answer.image.sha256,
        "decision": said.decision,
        "probability": said.probability,
        "operating_point": said.operating_point.name,
        "threshold": said.operating_point.threshold,
        "classifier": f"{said.model.name}/{said.model.version} {said.model.sha256}",
        "request_id": answer.request_id,
        "intended_use": answer.intended_use,
        "calibrated_for_prevalence": said.calibrated_for_prevalence,
    }
    return found | (_graded(answer) if isinstance(answer, GradeAnswer) else {})


def _graded(answer: GradeAnswer) -> dict[str, Any]:
    return {
        "stage": None if answer.grade is None else answer.grade.stage,
        "stage_meaning": None if answer.grade is None else answer.grade.meaning.get(str(answer.grade.stage)),
        "grade_caveat": None if answer.grade is None else answer.grade.caveat,
        "grade_withheld": answer.grade_withheld,
        "ajcc_t": None if answer.ajcc is None else answer.ajcc.t_category,
        "ajcc_group": None if answer.ajcc is None else answer.ajcc.clinical_stage_group,
        "grader": f"{answer.model.name}/{answer.model.version} {answer.model.sha256}",
    }


def as_csv(history: Sequence[Asked]) -> str:
    """The history as a table for a spreadsheet; what begins like a formula is made a text."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for asked in history:
        writer.writerow({name: _harmless(value) for name, value in row(asked).items()})
    return file.getvalue()


def as_json(history: Sequence[Asked]) -> str:
    """The history with everything that the service said but the heatmaps."""
    return json.dumps([_whole(asked) for asked in history], indent=2, ensure_ascii=False) + "\n"


def brief(asked: Asked) -> dict[str, str]:
    """One image as a row for people."""
    said = asked.classification
    if said is None:
        why = _why(asked.trouble)
        return {"Image": asked.title, "Decision": f"No answer: {why}", "Probability": "", "Stage grade": ""}
    grade = None if asked.graded is None else asked.graded.grade
    return {
        "Image": asked.title,
        "Decision": said.decision,
        "Probability": "not answered" if said.probability is None else percent(said.probability),
        "Stage grade": "none" if grade is None else f"resembles {grade.stage}" + (" (caveat)" if grade.caveat else ""),
    }


def _whole(asked: Asked) -> dict[str, Any]:
    found: dict[str, Any] = {"when": asked.when.isoformat(timespec="seconds"), "file": asked.name}
    if asked.question.frame is not None:
        found["frame"] = asked.question.frame
    if asked.answer is not None:
        found["answer"] = asked.answer.model_dump(mode="json", exclude=_HEATMAPS)
    trouble = asked.trouble or asked.no_grader
    if isinstance(trouble, Problem):
        found["problem"] = {name: getattr(trouble, name) for name in _MEMBERS}
    elif trouble is not None:
        found["problem"] = {"code": _code(trouble), "detail": str(trouble), "retryable": trouble.retryable}
    return found


def _code(trouble: MelanoserveError) -> str:
    """What the service calls it; two codes are this page's, of what no service said."""
    if isinstance(trouble, Problem):
        return trouble.code
    return "not_reachable" if isinstance(trouble, NotReachable) else "unexpected_answer"


def _why(trouble: MelanoserveError | None) -> str:
    if isinstance(trouble, Problem):
        return trouble.title
    if trouble is None or isinstance(trouble, NotReachable):
        return "the service could not be reached"
    return "something else than melanoserve answered"


_HEATMAPS: Any = {"explanation": True, "classification": {"explanation"}}
_MEMBERS = ("code", "status", "title", "detail", "retryable", "request_id")


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
