"""Photographs the page for the README: `python -m tests.ui.screenshot`. Needs chromium; the image is a rendered one."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from tests.running_service import ROOT, running
from tests.shipped import STORE
from tests.ui.conftest import CHROMIUM, FLAGS, PATIENCE, free_port, wait_for_page
from tests.ui.uploads import SAMPLE_FILE, settled, upload

OUT = ROOT / "docs" / "images" / "page.png"
SIZE = {"width": 1280, "height": 900}


def main() -> None:
    """Starts service and page, asks about the sample, and writes `OUT`."""
    with tempfile.TemporaryDirectory() as folder, running(STORE, Path(folder)) as service:
        address = f"http://127.0.0.1:{free_port()}"
        command = [sys.executable, "-m", "streamlit", "run", "ui/app.py", "--server.port", address.rpartition(":")[2]]
        environment = os.environ | {"MELANOSERVE_URL": str(service.client.base_url)}
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        try:
            wait_for_page(address, process)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
                page = browser.new_page(viewport={"width": SIZE["width"], "height": SIZE["height"]})
                page.goto(address)
                _photograph(page)
                browser.close()
        finally:
            process.terminate()
            process.wait(30)


def _photograph(page: Page) -> None:
    expect.set_options(timeout=PATIENCE)
    upload(page, SAMPLE_FILE)
    expect(page.get_by_role("img", name="The uploaded picture")).to_be_visible()
    settled(page)
    page.mouse.move(0, 0)
    page.screenshot(path=OUT, animations="disabled")
    # 256 colours are enough for a page, and a third of the bytes.
    Image.open(OUT).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(OUT, optimize=True)


if __name__ == "__main__":
    main()
