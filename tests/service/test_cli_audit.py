import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.audit.address import Address
from service.audit.chain import Head
from service.audit.database import Database
from service.audit.entry import stamp
from service.cli import main
from tests.service.audit.trails import entry, meddle, rows

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Address:
    """Of the trail that is found without --url; it does not exist yet."""
    monkeypatch.setenv("MELANOSERVE_STATE", str(tmp_path))
    monkeypatch.delenv("MELANOSERVE_AUDIT_URL", raising=False)
    return Address(f"sqlite:///{tmp_path / 'audit.db'}")


@pytest.fixture
def head(address: Address) -> Head:
    old = stamp(datetime.now(UTC) - timedelta(days=40))
    database = Database(address)
    head = database.append([*(entry(number)._replace(at=old) for number in range(3)), entry(3), entry(4)])
    database.close()
    return head


def test_verify_says_intact_and_gives_an_anchor_that_it_takes(head: Head, capsys: Captured) -> None:
    assert main(["audit", "verify"]) == 0
    out = capsys.readouterr().out
    assert "intact: rows 1 to 5 in " in out
    anchor = f"5:{head.hash}"
    assert f"anchor: {anchor}\n" in out
    assert main(["audit", "verify", "--anchor", anchor]) == 0


def test_verify_says_what_is_not_intact(address: Address, head: Head, capsys: Captured) -> None:
    meddle(address, "UPDATE audit_entry SET decision = 'malignant' WHERE sequence = 2")
    assert main(["audit", "verify"]) == 1
    assert "NOT INTACT  row 2 was changed\n" in capsys.readouterr().out
    assert main(["audit", "verify", "--anchor", f"3:{'0' * 64}"]) == 1


def test_export_writes_all_rows_or_those_of_a_time(head: Head, tmp_path: Path, capsys: Captured) -> None:
    assert main(["audit", "export"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("sequence,at,event,request_id,")
    assert len(lines) == 6
    since = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    assert main(["audit", "export", "--since", since, "--format", "jsonl", "--output", str(tmp_path / "out")]) == 0
    found = [json.loads(line) for line in (tmp_path / "out").read_text("utf-8").splitlines()]
    assert [row["request_id"] for row in found] == ["r3", "r4"]


def test_export_does_not_write_over_the_trail(address: Address, head: Head, tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "audit.db")
    for output in ("audit.db", "link"):
        assert main(["audit", "export", "--output", str(tmp_path / output)]) == 2
        assert "is the audit trail itself" in capsys.readouterr().err
    assert len(rows(address)) == 5


def test_prune_removes_what_is_old_and_leaves_it_intact(head: Head, capsys: Captured) -> None:
    assert main(["audit", "prune", "--days", "30"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("3 rows from before ")
    anchor = re.search("^anchor: (3:[0-9a-f]{64})$", out, re.MULTILINE)
    assert anchor is not None
    assert main(["audit", "verify", "--anchor", anchor[1]]) == 0
    assert "intact: rows 4 to 6 in " in capsys.readouterr().out


def test_verify_tells_what_was_removed_and_takes_no_old_anchor_without_a_word(
    address: Address, head: Head, capsys: Captured
) -> None:
    older = f"2:{rows(address)[1]['hash']}"
    assert main(["audit", "prune", "--days", "30"]) == 0
    assert main(["audit", "verify", "--anchor", older]) == 1
    out = capsys.readouterr().out
    assert "NOT INTACT  row 2 could not be checked: rows 1 to 3 were removed, as row 6 of 2" in out
    assert main(["audit", "verify", "--anchor", older, "--pruned-through", "3"]) == 0
    assert "\nrows 1 to 3 were removed, as row 6 of 2" in f"\n{capsys.readouterr().out}"
    assert main(["audit", "verify", "--pruned-through", "2"]) == 1
    assert "more was removed than up to row 2" in capsys.readouterr().out


def test_prune_does_not_remove_all_unless_it_is_told_to(address: Address, head: Head, capsys: Captured) -> None:
    """A clock that is years ahead makes every row old."""
    meddle(address, f"UPDATE audit_entry SET at = '{stamp(datetime.now(UTC) - timedelta(days=40))}'")
    assert main(["audit", "prune", "--days", "30"]) == 2
    captured = capsys.readouterr()
    assert "nothing was removed" in captured.err
    assert "none would stay" in captured.err
    assert captured.out == ""
    assert len(rows(address)) == 5
    assert main(["audit", "prune", "--days", "30", "--all"]) == 0
    assert capsys.readouterr().out.startswith("5 rows from before ")
    assert [row["event"] for row in rows(address)] == ["pruned"]


def test_prune_asks_where_years_are_missing_before_what_would_stay(
    address: Address, head: Head, capsys: Captured
) -> None:
    meddle(address, "UPDATE audit_entry SET at = '2001-01-01T00:00:00.000000Z' WHERE sequence < 4")
    assert main(["audit", "prune", "--days", "30"]) == 2
    assert "is of 2001-01-01, and the next one is of " in capsys.readouterr().err
    assert len(rows(address)) == 5


def test_prune_tells_of_rows_from_the_future(address: Address, head: Head, capsys: Captured) -> None:
    meddle(address, "UPDATE audit_entry SET at = '2901-01-01T00:00:00.000000Z' WHERE sequence = 2")
    assert main(["audit", "prune", "--days", "30"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("3 rows from before ")
    assert "1 of them were stamped later than it is now" in out


def test_what_cannot_be_read_is_another_exit_status(address: Address, tmp_path: Path, capsys: Captured) -> None:
    for command in (["verify"], ["export"], ["prune", "--days", "1"]):
        assert main(["audit", *command]) == 3
        assert capsys.readouterr().err.endswith("audit.db: there is none yet.\n")
    assert not (tmp_path / "audit.db").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify", "--anchor", "5"],
        ["verify", "--pruned-through", "-1"],
        ["prune", "--days", "0"],
        ["prune"],
        ["export", "--since", "yesterday"],
        [],
    ],
)
def test_wrong_usage(address: Address, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["audit", *arguments])
    assert ended.value.code == 2


def test_a_password_in_the_address_is_not_repeated(address: Address, capsys: Captured) -> None:
    assert main(["audit", "verify", "--url", "postgresql://u:HIDDEN@h/x"]) == 2
    assert "HIDDEN" not in capsys.readouterr().err
