import subprocess
import sys
from pathlib import Path

from gateway.queue import Queue
from tests.gateway.orthanc import free_port
from tests.gateway.running_gateway import command, gateway, wait_for
from tests.running_service import ROOT

NOWHERE = f"http://127.0.0.1:{free_port()}"


def test_a_second_gateway_on_the_same_folder_is_refused_and_sigterm_is_a_success(tmp_path: Path) -> None:
    with gateway(tmp_path / "state", PACS_URL=NOWHERE) as first:
        second = command("run", "--state", str(tmp_path / "state"), "--pacs-url", NOWHERE, "--port", "0")
        assert second.returncode == 1
        assert "another gateway works on" in second.stderr
        taken = command("run", "--state", str(tmp_path / "s2"), "--pacs-url", NOWHERE, "--port", str(first.port))
        assert taken.returncode == 1
        assert f"gateway: cannot listen on 127.0.0.1, port {first.port}: Address already in use" in taken.stderr
        assert first.stop() == 0
        assert first.events("stopped")


def test_a_disk_that_is_full_while_it_tidies_up_does_not_end_it(tmp_path: Path) -> None:
    queue = Queue(tmp_path / "state")
    queue.add("a", b"image")
    queue.fail("a", "service_corrupt_image")
    queue._sql.execute("CREATE TRIGGER full BEFORE UPDATE ON items BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    queue.close()
    run = ["run", "--state", str(tmp_path / "state"), "--pacs-url", NOWHERE, "--port", "0", "--keep-failed-days", "0"]
    hurried = "running.HOUSEKEEPING = 0.05; tidying.EVEN_SECONDS = 0.0"
    code = f"from gateway import cli, running, tidying; {hurried}; raise SystemExit(cli.main({run}))"
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=file, stderr=file)
    try:
        wait_for(lambda: log.read_text().count('"not_tidied"') > 1 or process.poll() is not None)
        process.terminate()
        assert process.wait(120) == 0, log.read_text()
    finally:
        process.kill()
    assert "Traceback" not in log.read_text()
