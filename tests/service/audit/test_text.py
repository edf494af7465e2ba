import csv
import io
import json

from service.audit.entry import Value
from service.audit.text import SHOWN, csv_lines, json_lines
from tests.service.audit.trails import entry


def row(number: int, **changes: Value) -> dict[str, Value]:
    return {"sequence": number, **entry(number)._asdict(), "hash": "0" * 64, **changes}


def test_csv_has_a_header_and_a_line_for_each_row() -> None:
    lines = list(csv_lines([row(1), row(2, decision=None)]))
    assert len(lines) == 3
    first, second = csv.DictReader(io.StringIO("".join(lines)))
    assert tuple(first) == SHOWN
    assert (first["sequence"], first["decision"], first["probability"]) == ("1", "benign", repr(1 / 7))
    assert second["decision"] == "", "what is not known is empty"


def test_what_has_a_comma_or_a_line_break_stays_one_value() -> None:
    (read,) = csv.DictReader(io.StringIO("".join(csv_lines([row(1, principal_name='ward 3, "day"\nnight')]))))
    assert read["principal_name"] == 'ward 3, "day"\nnight'


def test_of_an_empty_trail_there_is_the_header() -> None:
    assert list(csv_lines([])) == [",".join(SHOWN) + "\n"]
    assert list(json_lines([])) == []


def test_json_is_an_object_a_line_and_keeps_what_is_not_known() -> None:
    (line,) = json_lines([row(7, detail="a\nb")])
    assert line.count("\n") == 1
    assert json.loads(line) == row(7, detail="a\nb") | {"at": json.loads(line)["at"]}
    assert json.loads(line)["stage"] is None


def test_what_somebody_wrote_that_no_row_can_hold_is_shown_all_the_same() -> None:
    forged = row(7, decision=b"\xff", probability=float("inf"))  # type: ignore[arg-type]  # SQLite holds anything
    (line,) = json_lines([forged])
    read = json.loads(line, parse_constant=lambda _: "no JSON")
    assert (read["decision"], read["probability"]) == ("b'\\xff'", "inf")
