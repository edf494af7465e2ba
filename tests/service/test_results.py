import csv
import hashlib
import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from service.asking import Reply
from service.results import MixedResults, Results, columns_of, row_of, table

PICTURE = b"a picture"
SHA256 = hashlib.sha256(PICTURE).hexdigest()


def answered(version: int = 1, point: str = "sensitive", **changes: Any) -> Reply:
    answer = {
        "decision": "malignant", "probability": 0.75,
        "classes": {"melanoma": 0.5, "other_malignant": 0.25, "benign": 0.25},
        "differential": [{"code": "mel"}, {"code": "bcc"}], "operating_point": {"name": point, "threshold": 0.3},
        "model": {"name": "classifier", "version": version, "sha256": f"{version}" * 64}, "image": {"sha256": SHA256},
    }  # fmt: skip
    return Reply(answer | changes)


FAILED = Reply(problem={"code": "corrupt_image", "detail": "It is cut off."})


def test_a_row_has_what_the_columns_name() -> None:
    row = row_of("a.jpg", answered())
    assert row.keys() <= set(columns_of("classify"))
    assert (row["file"], row["decision"], row["melanoma"], row["suspected"]) == ("a.jpg", "malignant", 0.5, "mel bcc")
    assert (row["model"], row["version"], row["operating_point"]) == ("classifier", 1, "sensitive")
    assert row_of("b.jpg", FAILED) == {"file": "b.jpg", "problem": "corrupt_image", "detail": "It is cut off."}


def test_an_abstention_has_no_figures() -> None:
    row = row_of("a.jpg", answered(decision="abstained", probability=None, classes=None, differential=None))
    assert (row["decision"], row["probability"], row["suspected"]) == ("abstained", None, "")


def test_a_grade_s_row_names_the_grader() -> None:
    grade = {"stage": 2, "probabilities": {"1": 0.1, "2": 0.7, "3": 0.2}, "caveat": "more likely benign"}
    whole = {
        "classification": answered().answer, "grade": grade, "grade_withheld": None, "image": {"sha256": SHA256},
        "model": {"name": "grader", "version": 4, "sha256": "4" * 64},
    }  # fmt: skip
    row = row_of("a.jpg", Reply(whole))
    assert row.keys() == set(columns_of("grade")) - {"problem", "detail"}
    assert (row["stage"], row["stage_2"], row["withheld"], row["model"], row["version"]) == (2, 0.7, None, "grader", 4)
    assert (row["decision"], row["caveat"]) == ("malignant", "more likely benign")
    withheld = row_of("a.jpg", Reply(whole | {"grade": None, "grade_withheld": "benign"}))
    assert ("stage" in withheld, withheld["withheld"]) == (False, "benign")


def test_a_table_is_for_people() -> None:
    lines = table([row_of("a.jpg", answered()), row_of("long name.jpg", FAILED)], "classify").splitlines()
    assert [line.split() for line in lines] == [
        ["file", "decision", "probability", "problem"],
        ["a.jpg", "malignant", "0.750", "-"],
        ["long", "name.jpg", "-", "-", "corrupt_image"],
    ]


@pytest.mark.parametrize(
    ("probability", "told"),
    [(0.0, "0.000"), (0.0004, "<0.001"), (0.0006, "0.001"), (0.9994, "0.999"), (0.9996, ">0.999"), (1.0, "1.000")],
)
def test_no_probability_is_rounded_to_a_certainty(probability: float, told: str) -> None:
    line = table([row_of("a.jpg", answered(probability=probability))], "classify").splitlines()[1]
    assert line.split()[2] == told


def test_a_stage_that_says_little_is_marked_for_people() -> None:
    rows = [{"file": "a.jpg", "stage": 2, "caveat": "more likely benign"}, {"file": "b.jpg", "stage": 2}]
    _, marked, plain = table(rows, "grade").splitlines()
    assert marked.split()[3:5] == ["2", "(caveat)"]
    assert plain.split()[3:5] == ["2", "-"]


def test_issues_are_shown_where_there_are_any() -> None:
    quality = {"acceptable": False, "issues": ["blurred", "too_dark"]}
    unfit = answered(decision="abstained", probability=None, classes=None, differential=None, quality=quality)
    lines = table([row_of("a.jpg", unfit), row_of("b.jpg", answered())], "classify").splitlines()
    assert [line.split() for line in lines] == [
        ["file", "decision", "probability", "issues", "problem"],
        ["a.jpg", "abstained", "-", "blurred", "too_dark", "-"],
        ["b.jpg", "malignant", "0.750", "-", "-"],
    ]


def test_a_name_makes_no_row_of_its_own_and_no_terminal_obeys_it() -> None:
    name = "a.jpg\nb.jpg  benign  0.001\x1b[2K\u202e\x85.jpg"
    _, row = table([row_of(name, answered())], "classify").splitlines()
    assert row == r"a.jpg\nb.jpg  benign  0.001\x1b[2K\u202e\x85.jpg  malignant  0.750        -"


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl"])
@pytest.mark.parametrize(
    "file", ["two\nlines.jpg", "two\r\nlines.jpg", "a return\r.jpg", 'a "quoted"\n.jpg', "\u2028.jpg"]
)
def test_names_that_have_line_breaks_are_gone_on_with(file: str, name: str, tmp_path: Path) -> None:
    path, picture = tmp_path / name, tmp_path / "picture"
    picture.write_bytes(PICTURE)
    with Results(path, "classify") as results:
        results.add(row_of("first.jpg", answered()))
        results.add(row_of(file, answered()))
    whole = path.read_bytes()
    begins = whole.index(b"\n", whole.index(b"first.jpg")) + 1
    for end in range(begins + 1, len(whole)):  # as a kill may leave it, in the middle of the name too
        path.write_bytes(whole[:end])
        again = Results(path, "classify")
        assert again.holds("first.jpg", picture)
        assert not again.holds(file, picture)
        with again:
            pass
        assert path.read_bytes() == whole[:begins]
    path.write_bytes(whole)
    done = Results(path, "classify")
    assert done.holds(file, picture)
    with done:
        pass
    assert path.read_bytes() == whole


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl"])
def test_names_that_are_no_text_are_kept_as_they_are(name: str, tmp_path: Path) -> None:
    file = tmp_path / os.fsdecode(b"M\xfcller.png")
    file.write_bytes(PICTURE)
    for done in (False, True):
        results = Results(tmp_path / name, "classify")
        assert results.holds(str(file), file) == done
        with results:
            if not done:
                results.add(row_of(str(file), answered()))
    assert (tmp_path / name).read_bytes().count(b"ller.png") == 1


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl"])
def test_it_goes_on_where_it_was_and_tries_problems_again(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with Results(path, "classify") as results:
        results.add(row_of('a, "quoted".jpg', answered()))
        results.add(row_of("b.jpg", FAILED))
    before = path.read_text()
    # As a kill leaves it.
    path.write_text(before + before.splitlines()[1][:20])
    picture = tmp_path / "picture"
    picture.write_bytes(PICTURE)
    again = Results(path, "classify")
    assert again.holds('a, "quoted".jpg', picture)
    assert not again.holds("b.jpg", picture)
    with again:
        again.add(row_of("b.jpg", answered()))
    assert [row["file"] for row in _rows(path)] == ['a, "quoted".jpg', "b.jpg"]
    assert [float(row["probability"]) for row in _rows(path)] == [0.75, 0.75]


@pytest.mark.parametrize("now", [b"another picture", None], ids=["another picture", "none"])
def test_the_answer_about_another_picture_of_the_same_name_is_not_kept(now: bytes | None, tmp_path: Path) -> None:
    path, picture = tmp_path / "out.csv", tmp_path / "a.jpg"
    with Results(path, "classify") as results:
        results.add(row_of("a.jpg", answered()))
    if now is not None:
        picture.write_bytes(now)
    again = Results(path, "classify")
    assert not again.holds("a.jpg", picture)
    with again:
        again.add(row_of("a.jpg", FAILED))
    assert [(row["file"], row["problem"]) for row in _rows(path)] == [("a.jpg", "corrupt_image")]


def test_two_runs_do_not_write_to_one_file(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    late = Results(path, "classify")
    with Results(path, "classify") as first:
        first.add(row_of("a.jpg", answered()))
        with pytest.raises(MixedResults, match="another run is writing"):
            Results(path, "classify")
        with pytest.raises(MixedResults, match="another run is writing"), late:
            pass
        first.add(row_of("b.jpg", answered()))
    with Results(path, "classify") as second:
        second.add(row_of("c.jpg", answered()))
    assert [row["file"] for row in _rows(path)] == ["a.jpg", "b.jpg", "c.jpg"]
    assert list(tmp_path.iterdir()) == [path]


def test_grades_that_were_asked_for_in_two_ways_are_not_mixed(tmp_path: Path) -> None:
    def graded(decision: str, stage: int | None, withheld: str | None) -> dict[str, Any]:
        grade = None if stage is None else {"stage": stage, "probabilities": {}}
        changes: dict[str, Any] = {
            "classification": answered(decision=decision).answer,
            "grade": grade,
            "grade_withheld": withheld,
        }
        return row_of("a.jpg", answered(**changes))

    path = tmp_path / "out.csv"
    with Results(path, "grade") as results:
        results.add(graded("malignant", 2, None))
        results.add(graded("benign", None, "it looks benign"))
    with Results(path, "grade") as results:
        results.add(graded("abstained", None, "it is blurred"))
        with pytest.raises(MixedResults, match="with and without --always"):
            results.add(graded("benign", 1, None))


def _rows(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            return list(csv.DictReader(file))
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_row_is_there_as_soon_as_it_is_added(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with Results(path, "classify") as results:
        for number in range(3):
            results.add(row_of(f"{number}.jpg", answered()))
            assert len(_rows(path)) == number + 1


@pytest.mark.parametrize(
    ("other", "named"),
    [(answered(version=2), "classifier/2 at sensitive"), (answered(point="specific"), "classifier/1 at specific")],
)
def test_answers_of_another_version_are_not_mixed_in(other: Reply, named: str, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with Results(path, "classify") as results:
        results.add(row_of("a.jpg", answered()))
    with Results(path, "classify") as results, pytest.raises(MixedResults, match=named):
        results.add(row_of("b.jpg", other))
    assert len(_rows(path)) == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("out.csv", "id,label\n1,2\n"),
        ("out.csv", "id,label\n"),
        ("out.csv", 'file,disk\na.jpg,5" floppy\n' + "b.jpg,none\n" * 100_000),
        ("out.jsonl", '{"id": 1}\n'),
        ("out.jsonl", "no json\n"),
        ("out.jsonl", "null\n"),
        ("out.jsonl", "[" * 100_000 + "\n"),
    ],
)
def test_a_file_of_something_else_is_left_alone(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(MixedResults, match="holds something else"):
        Results(tmp_path / name, "classify")
    assert (tmp_path / name).read_text() == text


def test_the_other_task_s_file_is_something_else(tmp_path: Path) -> None:
    with Results(tmp_path / "out.csv", "classify") as results:
        results.add(row_of("a.jpg", answered()))
    with pytest.raises(MixedResults):
        Results(tmp_path / "out.csv", "grade")


def test_a_link_and_permissions_stay(tmp_path: Path) -> None:
    (tmp_path / "share").mkdir()
    shared, link = tmp_path / "share" / "results.csv", tmp_path / "out.csv"
    link.symlink_to(shared)
    for name in ("a.jpg", "b.jpg"):
        with Results(link, "classify") as results:
            results.add(row_of(name, answered()))
        shared.chmod(0o600)
    with Results(link, "classify") as results, pytest.raises(MixedResults, match="another run is writing"):
        Results(shared, "classify")
    assert [row["file"] for row in _rows(shared)] == ["a.jpg", "b.jpg"]
    assert (link.readlink(), shared.stat().st_mode & 0o777) == (shared, 0o600)
    assert sorted(tmp_path.rglob("*")) == [link, shared.parent, shared]


def test_a_file_that_cannot_be_made_is_told_by_its_own_name(tmp_path: Path) -> None:
    path = tmp_path / f"{'x' * 250}.csv"  # with what is put around it, it has too many letters
    with pytest.raises(OSError, match="File name too long") as refused, Results(path, "classify"):
        pass
    assert refused.value.filename == str(path)


@contextmanager
def full(size: int) -> Iterator[None]:
    """No file may grow beyond so many bytes, as on a disk that is full."""
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))


def test_a_full_disk_is_told_by_the_name_of_the_file_which_can_be_gone_on_from(tmp_path: Path) -> None:
    path, picture = tmp_path / "out.csv", tmp_path / "picture"
    picture.write_bytes(PICTURE)
    with pytest.raises(OSError, match="File too large") as refused, full(800), Results(path, "classify") as results:
        for number in range(9):
            results.add(row_of(f"{number}.jpg", answered()))
    assert refused.value.filename == str(path)
    before = path.read_bytes()
    again = Results(path, "classify")
    assert again.holds("0.jpg", picture)
    with pytest.raises(OSError, match="File too large") as refused, full(100), again:
        pass
    assert refused.value.filename == str(path)
    assert path.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == [path, picture]
