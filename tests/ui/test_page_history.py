import csv
import json
from pathlib import Path

from playwright.sync_api import Page, expect

from client import GradeAnswer
from tests.ui.uploads import BROKEN, SAMPLE_FILE, saved, turn_to, upload


def test_what_was_asked_can_be_taken_away_and_forgotten(page: Page, tmp_path: Path, said: GradeAnswer) -> None:
    turn_to(page, "History")
    expect(page.get_by_text("Nothing was asked yet.")).to_be_visible()
    turn_to(page, "Images")
    upload(page, SAMPLE_FILE, BROKEN)
    expect(page.get_by_role("heading", name="1 of 2 images answered")).to_be_visible()
    turn_to(page, "History")
    expect(page.get_by_role("region", name="Everything that was asked").get_by_role("row")).to_have_count(3)
    with open(saved(page, "Save as CSV", tmp_path), newline="") as file:  # noqa: PTH123 - newline
        good, bad = csv.DictReader(file)
    assert (good["file"], good["decision"]) == ("sample.png", said.classification.decision)
    assert good["probability"] == str(said.classification.probability)
    assert (bad["file"], bad["decision"], bad["problem"]) == ("broken.jpg", "", "corrupt_image")
    first, second = json.loads(saved(page, "Save as JSON", tmp_path).read_text())
    assert first["answer"]["classification"]["decision"] == said.classification.decision
    assert "explanation" not in first["answer"]["classification"]
    assert second["problem"]["code"] == "corrupt_image"
    page.get_by_role("button", name="Forget everything").click()
    expect(page.get_by_text("Nothing was asked yet.")).to_be_visible()
