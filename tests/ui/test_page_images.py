import json
from pathlib import Path

import numpy as np
from highdicom.sr import srread
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from client import GradeAnswer, OperatingPoint
from client.predictive import predictive
from tests.dermoscopy.dicom_files import CANARY, STUDY, native
from tests.service.fhir.samples import resources
from tests.service.fhir.validators import python_faults
from tests.ui.conftest import SAMPLE
from tests.ui.uploads import BROKEN, SAMPLE_FILE, choose, dicom, jpeg, saved, settled, upload
from ui.words import percent


def test_a_picture_is_answered_with_all_that_it_means(page: Page, said: GradeAnswer, verdict: str) -> None:
    upload(page, SAMPLE_FILE)
    expect(page.get_by_text(verdict)).to_be_visible()
    first, point = said.classification, said.classification.operating_point
    assert first.probability is not None
    assert said.grade is not None
    side = "reaches" if first.decision == "malignant" else "is below"
    for text in (
        f"Probability of malignancy {percent(first.probability)}, which {side} the threshold of ",
        f"measured on: {point.measured_on}",
        f"finds about {100 * point.sensitivity:.0f} (95 % interval {100 * point.sensitivity_ci[0]:.0f} to ",
        f"Grade {said.grade.stage}: {said.grade.meaning[str(said.grade.stage)]}",
        said.grade.evidence[str(said.grade.stage)],
        said.grade.label_policy,
        said.image.sha256,
        f"{said.image.width} x {said.image.height} pixels",
        said.intended_use,
    ):
        expect(page.get_by_text(text).first).to_be_visible()
    _heatmap_follows_the_keyboard(page)
    _predictive_values_follow_the_prevalence(page, point)
    _pathology_is_staged(page)


def _heatmap_follows_the_keyboard(page: Page) -> None:
    slider, heat = page.get_by_label("Heatmap"), page.locator("img.heat")
    expect(slider).to_have_value("60")
    assert heat.evaluate("image => getComputedStyle(image).opacity") == "0.6"
    slider.focus()
    for _ in range(20):
        page.keyboard.press("ArrowLeft")
    assert heat.evaluate("image => getComputedStyle(image).opacity") == "0"
    boxes = [page.locator(f"img.{name}").bounding_box() for name in ("picture", "heat")]
    assert boxes[0] == boxes[1]


def _predictive_values_follow_the_prevalence(page: Page, point: OperatingPoint) -> None:
    field = page.get_by_role("spinbutton", name="Of 100 lesions that you photograph, how many are malignant?")
    positive = page.get_by_test_id("stMetricValue").first
    before = float(field.input_value())
    expect(positive).to_have_text(percent(predictive(point, before / 100).positive.value))
    field.fill("5")
    field.press("Enter")
    expect(positive).to_have_text(percent(predictive(point, 0.05).positive.value))
    expect(page.get_by_text("Of 1000 lesions about 50 would be malignant")).to_be_visible()
    expect(page.get_by_text(f"for a prevalence of {before:.1f} %; shifted to yours it is")).to_be_visible()


def _pathology_is_staged(page: Page) -> None:
    _thickness(page).fill("1.4")
    page.get_by_role("radiogroup", name="Ulcerated").get_by_text("no", exact=True).click()
    for field, value in (("N category", "N0"), ("M category", "M0")):
        choose(page, field, value)
    page.get_by_role("button", name="Compute the stage").click()
    expect(page.get_by_text("T2a", exact=True)).to_be_visible()
    expect(page.get_by_text("IB", exact=True)).to_be_visible()
    expect(page.get_by_text("AJCC 8").first).to_be_visible()


def test_what_pathology_found_is_there_again_when_one_comes_back_to_the_picture(page: Page) -> None:
    upload(page, jpeg(1), jpeg(2))
    expect(page.get_by_role("heading", name="2 of 2 images answered")).to_be_visible()
    _thickness(page).fill("0.749")
    page.get_by_role("radiogroup", name="Ulcerated").get_by_text("no", exact=True).click()
    page.get_by_role("button", name="Compute the stage").click()
    expect(page.get_by_text("Breslow 0.749 mm, recorded as 0.7 mm, not ulcerated.")).to_be_visible()
    expect(page.get_by_text("T1a", exact=True)).to_be_visible()
    settled(page)
    choose(page, "Look at one of them", "2. lesion-2.jpg")
    expect(page.get_by_text("T1a", exact=True)).to_have_count(0)
    expect(_thickness(page)).to_have_value("")
    choose(page, "Look at one of them", "1. lesion-1.jpg")
    expect(page.get_by_text("T1a", exact=True)).to_be_visible()
    expect(_thickness(page)).to_have_value("0.749")
    choose(page, "M category", "M1a")
    page.get_by_role("button", name="Compute the stage").click()
    expect(page.get_by_text("Breslow 0.749 mm, recorded as 0.7 mm, not ulcerated, m=M1a.")).to_be_visible()
    _thickness(page).fill("1e-05")
    page.get_by_role("button", name="Compute the stage").click()
    expect(page.get_by_text("must be a number from 0 to 100")).to_be_visible()
    expect(_thickness(page)).to_have_value("1e-05")
    expect(page.get_by_text("T1a", exact=True)).to_be_visible()


def _thickness(page: Page) -> Locator:
    """The field, in a form that is open."""
    settled(page)
    field = page.get_by_role("textbox", name="Breslow thickness in mm")
    if not field.is_visible():
        page.get_by_text("Enter what pathology found").click()
    return field


def test_ten_files_and_a_broken_one(page: Page) -> None:
    upload(page, *(jpeg(seed) for seed in range(10)), BROKEN)
    expect(page.get_by_role("heading", name="10 of 11 images answered")).to_be_visible()
    rows = page.get_by_role("region", name="What was said of each image").get_by_role("row")
    expect(rows).to_have_count(12)
    expect(rows.nth(11)).to_contain_text("broken.jpg")
    expect(rows.nth(11)).to_contain_text("No answer: The image cannot be decoded")
    settled(page)
    choose(page, "Look at one of them", "11. broken.jpg")
    expect(page.get_by_text("Export the original once more")).to_be_visible()
    expect(page.get_by_text("corrupt_image, request")).to_be_visible()
    expect(page.locator("img.picture")).to_have_count(0)


def test_a_dicom_file_of_any_name_is_answered_and_saved_for_the_record(
    page: Page, tmp_path: Path, said: GradeAnswer, verdict: str
) -> None:
    lesion = native(np.asarray(Image.open(SAMPLE).convert("RGB")))
    upload(page, dicom("IM000001", lesion))
    expect(page.get_by_text(verdict)).to_be_visible()
    assert said.classification.probability is not None
    expect(page.get_by_text(f"Probability of malignancy {percent(said.classification.probability)}")).to_be_visible()
    picture = page.get_by_role("img", name="The uploaded picture with its heatmap")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [400, 400]
    settled(page)
    page.get_by_text("Save for the record: FHIR and DICOM").click()
    bundle = json.loads(saved(page, "Save as FHIR", tmp_path).read_text())
    assert python_faults(bundle) == []
    assert said.model.sha256 in str(resources(bundle, "Device"))
    assert CANARY not in str(bundle)
    assert json.loads(saved(page, "Save as FHIR", tmp_path).read_text()) == bundle
    file = saved(page, "Save as DICOM report", tmp_path)
    report = srread(file)
    assert (report.StudyInstanceUID, report.PatientName, report.PreliminaryFlag) == (STUDY, CANARY, "PRELIMINARY")
    assert file.name.startswith("melanoserve-")
    assert "canary" not in page.content().lower()
