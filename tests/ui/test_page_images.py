from playwright.sync_api import Page, expect

from client import GradeAnswer, OperatingPoint
from tests.ui.uploads import BROKEN, SAMPLE_FILE, choose, jpeg, settled, upload
from ui.predictive import predictive
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
    expect(page.get_by_text("Of 1000 lesions about 50 are malignant")).to_be_visible()
    expect(page.get_by_text(f"for a prevalence of {before:.1f} %; shifted to yours it is")).to_be_visible()


def _pathology_is_staged(page: Page) -> None:
    settled(page)
    page.get_by_text("Enter what pathology found").click()
    page.get_by_role("spinbutton", name="Breslow thickness in mm").fill("1.4")
    page.get_by_role("radiogroup", name="Ulcerated").get_by_text("no", exact=True).click()
    for field, value in (("N category", "N0"), ("M category", "M0")):
        choose(page, field, value)
    page.get_by_role("button", name="Compute the stage").click()
    expect(page.get_by_text("T2a", exact=True)).to_be_visible()
    expect(page.get_by_text("IB", exact=True)).to_be_visible()
    expect(page.get_by_text("AJCC 8").first).to_be_visible()


def test_ten_files_and_a_broken_one(page: Page) -> None:
    upload(page, *(jpeg(seed) for seed in range(10)), BROKEN)
    expect(page.get_by_role("heading", name="10 of 11 images answered")).to_be_visible()
    rows = page.get_by_role("region", name="What was said of each image").get_by_role("row")
    expect(rows).to_have_count(12)
    expect(rows.nth(11)).to_contain_text("broken.jpg")
    expect(rows.nth(11)).to_contain_text("No answer: The image cannot be decoded")
    settled(page)
    page.get_by_role("combobox", name="Look at one of them").click()
    page.get_by_role("option", name="11. broken.jpg").click()
    expect(page.get_by_text("Export the original once more")).to_be_visible()
    expect(page.get_by_text("corrupt_image, request")).to_be_visible()
    expect(page.locator("img.picture")).to_have_count(0)
