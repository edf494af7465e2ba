import math
from pathlib import Path

from benchmarks.result import Bar, Result, Table, describe_machine

TABLE = Table("Times:", ("", "ms"), [("first", "1"), ("second one", "22")])


def test_a_table_is_aligned_markdown() -> None:
    assert TABLE.markdown().splitlines() == [
        "Times:",
        "",
        "|            | ms |",
        "|------------|----|",
        "| first      | 1  |",
        "| second one | 22 |",
    ]


def test_bars() -> None:
    assert Bar("x", 3.0, 3.0).met
    assert not Bar("x", 3.1, 3.0).met
    assert Bar("x", 0.85, 0.85, at_most=False).met
    assert not Bar("x", 0.84, 0.85, at_most=False).met
    assert not Bar("x", math.nan, 1.0).met
    assert not Bar("x", math.nan, 1.0, at_most=False).met


def test_a_bar_says_what_it_wants_and_what_it_got() -> None:
    assert Bar("refused within", 12.345, 20, "ms").row() == ("refused within", "12.35 ms", "at most 20 ms", "met")
    assert Bar("share", 0.5, 0.85, at_most=False).row() == ("share", "0.5", "at least 0.85", "**missed**")


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    result = Result("soak", "Soak", "An hour.", [TABLE], [Bar("x", 1.0, 2.0)], {"rate": 5.0})
    result.save(tmp_path)
    read = Result.load(tmp_path / "soak.json")
    assert read.markdown() == result.markdown()
    assert (read.machine, read.figures, read.met) == (result.machine, {"rate": 5.0}, True)


def test_one_missed_bar_is_a_miss() -> None:
    assert not Result("soak", "Soak", "", [], [Bar("x", 1, 2), Bar("y", 3, 2)], {}).met


def test_the_machine_is_described() -> None:
    machine = describe_machine()
    assert int(machine["cores"]) >= 1
    assert all(machine.values())
