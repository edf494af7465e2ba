import subprocess

import pytest

from benchmarks.postgres import NoPostgres, postgres, programs


def test_a_server_of_ones_own_answers_and_leaves_nothing() -> None:
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed")
    with postgres() as server:
        ask = [str(found / "psql"), server.url, "-Atc", "SHOW fsync"]
        assert subprocess.run(ask, capture_output=True, check=True).stdout == b"on\n"
        process = server.process
    assert process is not None
    assert process.returncode is not None
    assert not server.folder.exists()


def test_without_its_programs_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.postgres.programs", lambda: None)
    with pytest.raises(NoPostgres, match="is not installed"), postgres():
        pass
