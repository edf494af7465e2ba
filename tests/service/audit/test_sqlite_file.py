import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from service.audit.address import Address
from service.audit.chain import Head
from service.audit.database import Database, DatabaseFailed
from service.audit.entry import Entry
from service.audit.query import Filter, newest, reading
from tests.service.audit.trails import entry


def test_a_file_is_its_owners_alone_and_its_commits_are_on_the_disk(tmp_path: Path) -> None:
    file = tmp_path / "new" / "audit.db"
    database = Database(Address(f"sqlite:///{file}"))
    assert file.stat().st_mode & 0o777 == 0o600
    full = 2
    assert database.execute("PRAGMA synchronous").fetchone() == (full,)
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_nothing_is_written_where_it_would_be_lost(tmp_path: Path, suffix: str, how: str) -> None:
    """Rows are in SQLite's log before they are in its file."""
    address = Address(f"sqlite:///{tmp_path / 'audit.db'}")
    database = Database(address)
    database.append([entry(0)])
    file = tmp_path / f"audit.db{suffix}"
    held = file.read_bytes()
    file.unlink()
    if how == "replaced":
        file.write_bytes(held)
    with pytest.raises(DatabaseFailed, match="its file was removed or replaced"):
        database.append([entry(1)])
    with pytest.raises(DatabaseFailed, match="its file was removed or replaced"):
        database.head()
    database.close()


def test_a_log_that_is_removed_while_rows_are_written_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(Address(f"sqlite:///{tmp_path / 'audit.db'}"))
    put = Database.put

    def put_and_remove(self: Database, head: Head, entries: Sequence[Entry]) -> Head:
        (tmp_path / "audit.db-wal").unlink()
        return put(self, head, entries)

    monkeypatch.setattr(Database, "put", put_and_remove)
    with pytest.raises(DatabaseFailed, match="its file was removed or replaced"):
        database.append([entry(0)])
    database.close()


def test_the_log_is_watched_where_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "volume.db")
    database = Database(Address(f"sqlite:///{tmp_path / 'link.db'}"))
    database.append([entry(0)])
    (tmp_path / "volume.db-wal").unlink()
    with pytest.raises(DatabaseFailed, match="its file was removed or replaced"):
        database.append([entry(1)])
    database.close()


def test_who_reads_it_elsewhere_does_not_take_the_log_away(tmp_path: Path) -> None:
    """The trail was opened anew while this process read it, and its locks were gone."""
    address = Address(f"sqlite:///{tmp_path / 'audit.db'}")
    Database(address).close()
    with reading(address) as connection:
        newest(connection, Filter(), 1)
        database = Database(address)
        database.append([entry(0)])
    look = (
        f"import sqlite3; c = sqlite3.connect({str(address.file)!r}); c.execute('SELECT * FROM audit_head'); c.close()"
    )
    subprocess.run([sys.executable, "-c", look], check=True)
    assert (tmp_path / "audit.db-wal").exists()
    assert database.append([entry(1)]).sequence == 2
    database.close()
