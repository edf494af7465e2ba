import json
import time
from types import SimpleNamespace
from typing import Any

from service.audit.notes import Notes, rows_of
from service.progress import Progress


def finished(**seconds: float) -> Progress:
    """A request's or an image's way, with the phases that it took."""
    progress = Progress(10)
    progress.seconds = dict(seconds)  # type: ignore[assignment]  # names of phases
    return progress


def state(**more: Any) -> dict[str, Any]:
    """Of a scope, as it is when its answer is there."""
    return {"request_id": "r1", "begun": time.perf_counter(), "progress": finished(receive=0.004), **more}


def test_a_request_that_had_no_image_is_a_row() -> None:
    who = SimpleNamespace(id="k1", name="ward 3")
    notes = Notes("label", detail={"to": 2})
    (row,) = rows_of(notes, state(principal=who), "/models/{name}/labels/{label}", 200, "9.9")
    assert (row.event, row.status, row.code, row.software) == ("label", 200, None, "9.9")
    assert (row.principal, row.principal_name, row.request_id) == ("k1", "ward 3", "r1")
    assert json.loads(row.detail or "") == {"to": 2}
    assert json.loads(row.phases_ms or "") == {"receive": 4.0}


def test_a_refusal_of_the_whole_is_said_of_the_image_that_it_had() -> None:
    notes = Notes()
    image = notes.image()
    image.sha256, image.bytes = "ab", 17
    (row,) = rows_of(notes, state(problem="corrupt_image"), "/classify", 422, "9.9")
    assert (row.status, row.code, row.image_sha256, row.image_bytes, row.item) == (422, "corrupt_image", "ab", 17, None)
    assert (row.decision, row.model, row.principal) == (None, None, None)


def test_each_image_of_a_batch_has_its_own_fate_and_its_own_phases() -> None:
    notes = Notes()
    good, bad, never = (notes.image(item) for item in range(3))
    good.status, good.progress = 200, finished(run=0.0071)
    bad.status, bad.code = 422, "corrupt_image"
    rows = rows_of(notes, state(), "/classify/batch", 200, "9.9")
    assert [(row.item, row.status, row.code) for row in rows] == [
        (0, 200, None), (1, 422, "corrupt_image"), (2, 200, None),
    ]  # fmt: skip
    assert [json.loads(row.phases_ms or "") for row in rows] == [{"run": 7.1}, {"receive": 4.0}, {"receive": 4.0}]
    assert never.status is None


def test_which_version_was_asked_for_is_written_and_nothing_else_of_the_query() -> None:
    asked = []
    for version, label in ((2, None), (None, "canary"), (None, None), (0, None)):
        notes = Notes()
        notes.found(SimpleNamespace(), version, label)  # type: ignore[arg-type]  # only kept
        asked.append(notes.asked)
    assert asked == ["version=2", "label=canary", None, "version=0"]
