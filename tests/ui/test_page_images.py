import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import FilePayload, Page, expect

from dermoscopy.render import render_lesion
from tests.ui.conftest import SAMPLE


def jpeg(seed: int, malignancy: float = 0.5) -> FilePayload:
    """A rendered photograph, wider than high."""
    file = io.BytesIO()
    Image.fromarray(render_lesion(seed, side=240, malignancy=malignancy)).crop((0, 0, 240, 180)).save(file, "JPEG")
    return {"name": f"lesion-{seed}.jpg", "mimeType": "image/jpeg", "buffer": file.getvalue()}


def upload(page: Page, *files: FilePayload | Path) -> None:
    """Hands files to the page as somebody who chooses them."""
    box = page.get_by_test_id("stFileUploaderDropzoneInput")
    if isinstance(files[0], Path):
        box.set_input_files([str(file) for file in files])
    else:
        box.set_input_files([file for file in files if isinstance(file, dict)])


def test_a_picture_is_answered_with_all_that_it_means(page: Page) -> None:
    upload(page, SAMPLE)
    expect(page.get_by_text("Looks malignant")).to_be_visible()
    for text in (
        "Probability of malignancy 37",
        "which reaches the threshold of 6.0 %",
        "measured on: held-out lesions of HAM10000",
        "Of 100 malignant lesions that finds about 95 (95 % interval 93 to 97)",
        "Grade 3: resembles melanoma metastasis in the skin",
        "it is not a clinical stage",
        "21 images, 21 of them from one place",
        "26f7d7a8e16eb705c6c32718aab2e60d0c87baffbb733a77858d90f1dfab5a68",
        "400 x 400 pixels",
    ):
        expect(page.get_by_text(text).first).to_be_visible()
