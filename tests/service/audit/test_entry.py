from datetime import UTC, datetime, timedelta, timezone

from service.audit.entry import COLUMNS, stamp
from service.audit.route import AuditRow
from service.audit.tables import entries
from service.audit.text import SHOWN


def test_a_moment_is_utc_and_sorts_as_text() -> None:
    moment = datetime(2026, 11, 26, 1, 16, 49, 5, tzinfo=timezone(timedelta(hours=1)))
    assert stamp(moment) == "2026-11-26T00:16:49.000005Z"
    assert abs(datetime.fromisoformat(stamp()) - datetime.now(UTC)) < timedelta(seconds=10)


def test_every_column_is_in_the_table_and_in_the_answer() -> None:
    assert tuple(entries.c.keys()) == ("sequence", "format", *COLUMNS, "previous", "hash")
    assert tuple(AuditRow.model_fields) == SHOWN
