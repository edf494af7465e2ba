import os
import sys
import time
from pathlib import Path

import pytest

from benchmarks import processes
from benchmarks.processes import Program, Server, ServerFailed, started, status_of
from benchmarks.requests import get
from tests.benchmarks.tiny_server import Answer, tiny_server

SERVER = """
import http.server, subprocess, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503 if self.server.asked < 2 else 200)
        self.server.asked += 1
        self.end_headers()
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("child", child.pid, flush=True)
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
server.asked = 0
server.serve_forever()
"""


@pytest.fixture(autouse=True)
def ends_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Ctrl-C has no effect, as in the background of a shell, each is waited for until it is killed."""
    monkeypatch.setattr(processes, "_STOPS_WITHIN_SECONDS", 1.0)


def _program(tmp_path: Path, code: str) -> Program:
    return Program([sys.executable, "-c", code, "{port}"], tmp_path, tmp_path / "logs" / "log")


def _child(tmp_path: Path) -> int:
    line = next(line for line in (tmp_path / "logs" / "log").read_text().splitlines() if line.startswith("child"))
    return int(line.split()[1])


def test_a_server_is_awaited_weighed_and_stopped_with_all_its_processes(tmp_path: Path) -> None:
    with started(_program(tmp_path, SERVER), get("/"), key="k") as server:
        assert status_of(server.port, get("/")) == 200
        assert (server.key, server.ready_seconds > 0) == ("k", True)
        memory = server.memory()
        child = _child(tmp_path)
        assert memory.processes == 2
        assert 1 < memory.largest < 1000
        assert 1 < memory.together < 1000
    for pid in (server.pid, child):
        deadline = time.monotonic() + 60
        while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline and not _is_dead(pid):
            time.sleep(0.02)
        assert _is_dead(pid)


def _is_dead(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_server_that_ends_is_named_with_its_log(tmp_path: Path) -> None:
    with (
        pytest.raises(ServerFailed, match=r"ended with status 3; .*log says why"),
        started(_program(tmp_path, "raise SystemExit(3)"), get("/")),
    ):
        pass


def test_a_server_that_is_never_ready_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "READY_WITHIN_SECONDS", 0.3)
    with (
        pytest.raises(ServerFailed, match="not ready after"),
        started(_program(tmp_path, "import time; time.sleep(600)"), get("/")),
    ):
        pass


def test_a_program_that_does_not_exist(tmp_path: Path) -> None:
    program = Program([str(tmp_path / "nothing")], tmp_path, tmp_path / "log")
    with pytest.raises(ServerFailed, match="cannot be started: No such file"), started(program, get("/")):
        pass


def test_the_status_of_one_request() -> None:
    with tiny_server(lambda _: Answer(418)) as port:
        assert status_of(port, get("/")) == 418
    assert status_of(port, get("/")) is None


def test_a_process_that_has_ended_weighs_nothing() -> None:
    ended = os.fork()
    if not ended:
        os._exit(0)
    os.waitpid(ended, 0)
    assert Server(1, ended, 0.0).memory().together == 0
