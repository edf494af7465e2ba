"""Files to hand to the page, and the way to do it."""

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import FilePayload, Page, TimeoutError, expect

from dermoscopy.render import render_lesion
from tests.ui.conftest import SAMPLE

SAMPLE_FILE: FilePayload = {"name": "sample.png", "mimeType": "image/png", "buffer": SAMPLE.read_bytes()}
BROKEN: FilePayload = {"name": "broken.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8\xff broken"}


def jpeg(seed: int, *, orientation: int = 1) -> FilePayload:
    """A rendered photograph, stored wider than high."""
    exif = Image.Exif()
    exif[274] = orientation
    file = io.BytesIO()
    lesion = Image.fromarray(render_lesion(seed, side=240, malignancy=0.5)).crop((0, 0, 240, 180))
    lesion.save(file, "JPEG", exif=exif)
    return {"name": f"lesion-{seed}.jpg", "mimeType": "image/jpeg", "buffer": file.getvalue()}


def dicom(name: str, data: bytes) -> FilePayload:
    """A DICOM file as a browser hands it over: it knows no type for it."""
    return {"name": name, "mimeType": "", "buffer": data}


def upload(page: Page, *files: FilePayload) -> None:
    """Chooses files on the page that is shown."""
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(list(files))


def turn_to(page: Page, title: str) -> None:
    """Follows the link to another page."""
    page.get_by_test_id("stPageLink").get_by_role("link", name=title, exact=True).click()
    page.get_by_role("heading", name=title, exact=True, level=1).wait_for()


def saved(page: Page, button: str, folder: Path) -> Path:
    """Clicks what saves a file, and says where it is."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name=button).click()
    file = folder / waiting.value.suggested_filename
    waiting.value.save_as(file)
    return file


def settled(page: Page) -> None:
    """Waits until the page's script has run to its end: what is drawn anew closes a list that was opened."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def choose(page: Page, field: str, value: str) -> None:
    """Chooses from a list. One that is open closes when the page scrolls under it, as for people: then once more."""
    box, option = page.get_by_role("combobox", name=field), page.get_by_role("option", name=value, exact=True)
    for _ in range(10):
        box.fill("")
        box.fill(value)
        try:
            option.click(timeout=3_000)
        except TimeoutError:
            continue
        return
    raise AssertionError(f"{value} cannot be chosen for {field}")
