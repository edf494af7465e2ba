"""A photograph with the camera of the device: a real browser, whose camera sees a film that the renderer painted."""

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from client import Client
from dermoscopy.render import render_lesion
from tests.ui.conftest import Clinic, Keys, browsing
from tests.ui.uploads import settled
from ui.words import DECISIONS, issue, percent

WIDTH, HEIGHT = 640, 480
LESION = Image.fromarray(render_lesion(4, side=WIDTH, malignancy=0.9)).crop((0, 80, WIDTH, 80 + HEIGHT))
NIGHT = Image.new("RGB", (WIDTH, HEIGHT), (8, 6, 5))


@pytest.fixture
def browser(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Browser]:
    """One that lets the page have its camera, which sees one picture over and over again."""
    film, frame = tmp_path / "film.mjpeg", io.BytesIO()
    request.param.save(frame, "JPEG", quality=95)
    film.write_bytes(frame.getvalue())
    with browsing(
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    ) as started:
        yield started


def photograph(page: Page) -> bytes:
    """Switches the camera on and takes a photograph, as people do; what the page was given."""
    take = page.get_by_role("button", name="Take Photo")
    expect(page.get_by_text("Use the camera of this device")).to_be_visible()
    expect(take).to_have_count(0)
    page.get_by_text("Use the camera of this device").click()
    # Until it knows how wide it is, Streamlit asks the camera for a small picture, and then once more for a larger one.
    page.wait_for_function(f"document.querySelector('video')?.videoWidth === {WIDTH}")
    take.click()
    taken = page.get_by_alt_text("Snapshot").get_attribute("src")
    assert taken is not None
    return base64.b64decode(taken.removeprefix("data:image/jpeg;base64,"))


@pytest.mark.parametrize("browser", [LESION], indirect=True)
def test_a_photograph_is_answered_as_the_service_answers_it_and_can_be_taken_back(
    page: Page, clinic: Clinic, keys: Keys
) -> None:
    taken = photograph(page)
    shown = np.asarray(Image.open(io.BytesIO(taken)), dtype=float)
    # Not less: a browser takes the values of a JPEG for those of video, which begin at 16 and end at 235.
    assert np.abs(shown - np.asarray(LESION)).mean() < 16, "it is not what the camera sees"
    with Client(clinic.url, key=keys.page) as client:
        answer = client.grade(taken)
    said = answer.classification
    assert said.probability is not None
    expect(page.get_by_text(DECISIONS[said.decision])).to_be_visible()
    expect(page.get_by_text(f"Probability of malignancy {percent(said.probability)}")).to_be_visible()
    expect(page.get_by_text(answer.image.sha256)).to_be_visible()
    expect(page.get_by_role("img", name=f"The uploaded picture, {WIDTH} by {HEIGHT} pixels")).to_be_visible()
    settled(page)
    page.get_by_role("button", name="Clear photo").click()
    expect(page.get_by_text("Drop images above or take a photograph")).to_be_visible()
    expect(page.get_by_text(answer.image.sha256)).to_have_count(0)


@pytest.mark.parametrize("browser", [NIGHT], indirect=True)
def test_of_a_photograph_that_shows_nothing_it_says_why_there_is_no_answer(page: Page) -> None:
    photograph(page)
    expect(page.get_by_text(DECISIONS["abstained"])).to_be_visible()
    expect(page.get_by_text(issue("too_dark"))).to_be_visible()
    for text in ("Probability of malignancy", "What the decision means", "At your clinic"):
        expect(page.get_by_text(text)).to_have_count(0)
