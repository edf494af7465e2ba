import sqlite3
from contextlib import closing
from pathlib import Path

from gateway.items import Item
from gateway.queue import DATABASE, Queue

EARLIER = """
CREATE TABLE items (key TEXT PRIMARY KEY, state TEXT NOT NULL, bytes INTEGER NOT NULL, attempts INTEGER NOT NULL,
    due REAL NOT NULL, problem TEXT, since REAL NOT NULL);
INSERT INTO items VALUES ('a', 'received', 5, 30, 0, 'service_not_reachable', 7);
"""


def test_the_queue_of_an_earlier_version_is_taken_over(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / DATABASE)) as database:
        database.executescript(EARLIER)
    first, second = Queue(tmp_path), Queue(tmp_path)
    item = Item("a", "received", 5, 30, 0, "service_not_reachable", 7, 0, 0)
    assert first.due(set()) == second.due(set()) == item
    first.postpone("a", "service_internal_error", 0, fault=True)
    assert first.add("b", b"image")
    assert (taken := second.item("a")) is not None
    assert (taken.attempts, taken.faults) == (31, 1)
    first.close()
    second.close()
