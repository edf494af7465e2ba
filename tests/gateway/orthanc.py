"""A real PACS for tests: Debian's Orthanc with its DICOMweb plugin, in a folder of its own, on ports of its own.

with orthanc(folder, gateway_port=11112) as pacs:
    pacs.http.get("/system")
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.running_service import ROOT, WITHOUT_TLS

PROGRAM = "Orthanc"
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
TOOLS = ("storescu", "echoscu", "dciodvfy", "dsrdump")
USER, PASSWORD = "gateway", "a password for tests"
WITHIN = 120.0

SHIPPED = ROOT / "docker" / "orthanc"
"""The configuration of the Orthanc of docker-compose.yml, which is run here but for ports and folders."""

missing = [name for name in (PROGRAM, *TOOLS) if shutil.which(name) is None] + [str(PLUGIN)] * (not PLUGIN.is_file())
needs_debian = pytest.mark.skipif(
    bool(missing),
    reason=f"without {', '.join(missing)}: apt-get install orthanc orthanc-dicomweb dcmtk dicom3tools",
)


@dataclass
class Pacs:
    """A running Orthanc."""

    folder: Path
    http: httpx.Client
    http_port: int
    dicom_port: int
    process: subprocess.Popen[bytes]

    @property
    def web(self) -> str:
        """DICOMweb root."""
        return f"http://127.0.0.1:{self.http_port}/dicom-web"

    def reports(self) -> list[dict[str, Any]]:
        """QIDO-RS rows of every structured report that it has."""
        response = self.http.get("/dicom-web/instances", params={"Modality": "SR", "limit": "1000"})
        return [] if response.status_code == 204 else list(response.json())

    def kill(self) -> None:
        """Ends it at once, as a crash would."""
        self.process.kill()
        self.process.wait()


@contextmanager
def orthanc(
    folder: Path,
    *,
    ports: tuple[int, int] | None = None,
    gateway_port: int | None = None,
) -> Iterator[Pacs]:
    """Starts Orthanc and stops it in the end; what it stored stays in `folder`.

    Args:
        folder: Of configuration and storage.
        ports: Of HTTP and DICOM; free ones by default.
        gateway_port: Where it sends each photograph that it receives.
    """
    http_port, dicom_port = ports or (free_port(), free_port())
    folder.mkdir(exist_ok=True)
    changes = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "Plugins": [str(PLUGIN)],
        "HttpPort": http_port,
        "DicomPort": dicom_port,
        "RemoteAccessAllowed": False,
        "LuaScripts": [str(SHIPPED / "forward.lua")] if gateway_port else [],
        "DicomModalities": {"gateway": ["MELANOSERVE", "127.0.0.1", gateway_port]} if gateway_port else {},
    }
    file = folder / "orthanc.json"
    file.write_text(json.dumps(json.loads((SHIPPED / "orthanc.json").read_text()) | changes))
    environment = os.environ | {"ORTHANC_PASSWORD": PASSWORD}
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen([PROGRAM, str(file)], stdout=log, stderr=log, env=environment)
    address = f"http://127.0.0.1:{http_port}"
    with httpx.Client(base_url=address, auth=(USER, PASSWORD), timeout=60, verify=WITHOUT_TLS) as http:
        pacs = Pacs(folder, http, http_port, dicom_port, process)
        try:
            _wait(pacs)
            yield pacs
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(WITHIN)
            finally:
                process.kill()


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _wait(pacs: Pacs) -> None:
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline and pacs.process.poll() is None:
        try:
            if pacs.http.get("/dicom-web/studies", params={"limit": "1"}).status_code in {200, 204}:
                with socket.create_connection(("127.0.0.1", pacs.dicom_port), 1):
                    return
        except (httpx.TransportError, OSError):
            pass
        time.sleep(0.05)
    raise AssertionError(f"Orthanc does not start: {(pacs.folder / 'log').read_text()[-2000:]}")
