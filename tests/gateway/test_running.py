from pathlib import Path

from tests.gateway.orthanc import free_port
from tests.gateway.running_gateway import command, gateway

NOWHERE = f"http://127.0.0.1:{free_port()}"


def test_a_second_gateway_on_the_same_folder_is_refused_and_sigterm_is_a_success(tmp_path: Path) -> None:
    with gateway(tmp_path / "state", PACS_URL=NOWHERE) as first:
        second = command("run", "--state", str(tmp_path / "state"), "--pacs-url", NOWHERE, "--port", "0")
        assert second.returncode == 1
        assert "another gateway works on" in second.stderr
        taken = command("run", "--state", str(tmp_path / "s2"), "--pacs-url", NOWHERE, "--port", str(first.port))
        assert taken.returncode == 1
        assert "in use" in taken.stderr
        assert first.stop() == 0
        assert first.events("stopped")
