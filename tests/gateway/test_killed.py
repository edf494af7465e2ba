"""Gateway and PACS are killed in the middle of the work: each image has exactly one report in the end.

`make test` does it in small, `make clinic` with 200 images, ten kills and a PACS that is away for a minute.
"""

import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import pytest

from gateway.queue import Queue
from tests.gateway.orthanc import Pacs, free_port, needs_debian, orthanc
from tests.gateway.running_gateway import Gateway, gateway, wait_for
from tests.gateway.samples import PATIENT, PATIENT_ID, photograph, uids
from tests.running_service import ROOT, running

pytestmark = needs_debian

IMAGES = int(os.environ.get("CLINIC_IMAGES", "20"))
KILLS = int(os.environ.get("CLINIC_KILLS", "3"))
AWAY = float(os.environ.get("CLINIC_AWAY", "2"))
PATIENCE = 120.0 + AWAY + IMAGES


@pytest.fixture
def service_url(tmp_path: Path) -> Iterator[str]:
    with running(ROOT / "model_store" / "models", tmp_path / "service") as started:
        yield str(started.client.base_url)


class Camera:
    """Sends images to the PACS and, every third, to the gateway too; again and again until each is acknowledged."""

    def __init__(self, files: list[Path], pacs_port: int, gateway_port: int) -> None:
        self._files, self._ports = files, (pacs_port, gateway_port)
        self._thread = Thread(target=self._send_all, daemon=True)
        self._thread.start()

    def wait(self) -> None:
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def _send_all(self) -> None:
        for number, file in enumerate(self._files):
            while not _sent(file, self._ports[0], "ORTHANC"):
                time.sleep(0.2)
            while number % 3 == 0 and not _sent(file, self._ports[1], "MELANOSERVE"):
                time.sleep(0.2)


def _sent(file: Path, port: int, title: str) -> bool:
    command = ["storescu", "-R", "-xy", "-to", "5", "-aec", title, "127.0.0.1", str(port), str(file)]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


def delivered(state: Path) -> int:
    queue = Queue(state)
    try:
        return queue.counts().get("delivered", 0)
    finally:
        queue.close()


def test_each_image_has_exactly_one_report(service_url: str, tmp_path: Path) -> None:
    images = [photograph(seed, jpeg=seed % 2 == 0) for seed in range(IMAGES)]
    files = [tmp_path / f"{number}.dcm" for number in range(IMAGES)]
    for file, image in zip(files, images, strict=True):
        file.write_bytes(image)
    state, folder, port = tmp_path / "state", tmp_path / "pacs", free_port()
    ports = (free_port(), free_port())
    settings = {"SERVICE_URL": service_url, "PORT": port, "POLL_SECONDS": 1}
    with ExitStack() as around:

        def start_pacs() -> Pacs:
            return around.enter_context(orthanc(folder, ports=ports, gateway_port=port))

        def start_gateway() -> Gateway:
            return around.enter_context(gateway(state, pacs, **settings))

        pacs = start_pacs()
        running_gateway = start_gateway()
        camera = Camera(files, ports[1], port)
        for kill in range(1, KILLS + 1):
            enough = kill * IMAGES // (KILLS + 2)
            wait_for(lambda enough=enough: delivered(state) >= enough, PATIENCE)  # type: ignore[misc]
            time.sleep(random.uniform(0, 0.3))
            running_gateway.kill()
            if kill == KILLS // 2 + 1:
                pacs.kill()
                running_gateway = start_gateway()
                time.sleep(AWAY)
                pacs = start_pacs()
            else:
                running_gateway = start_gateway()
        camera.wait()
        wait_for(lambda: delivered(state) >= IMAGES, PATIENCE)
        assert running_gateway.status()["counts"] == {"delivered": IMAGES}
        rows = pacs.reports()
        print(f"{IMAGES} images, {KILLS} kills, PACS away for {AWAY:.0f} s: {len(rows)} reports")
        assert Counter(row["0020000D"]["Value"][0] for row in rows) == Counter(uids(image)[0] for image in images)
        assert running_gateway.stop() == 0
    assert list((state / "spool").iterdir()) == []
    for canary in (PATIENT, PATIENT_ID, *(uid for image in images for uid in uids(image))):
        assert canary not in running_gateway.log
    assert "step_failed" not in running_gateway.log
