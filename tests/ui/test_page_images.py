import re

from playwright.sync_api import Page, expect

from tests.ui.uploads import BROKEN, SAMPLE_FILE, jpeg, settled, upload


def test_a_picture_is_answered_with_all_that_it_means(page: Page) -> None:
    upload(page, SAMPLE_FILE)
    expect(page.get_by_text("Looks malignant")).to_be_visible()
    for text in (
        re.compile(r"Probability of malignancy 3\d\.\d %, which reaches the threshold of 6\.0 %\."),
        "measured on: held-out lesions of HAM10000",
        "Of 100 malignant lesions that finds about 95 (95 % interval 93 to 97)",
        "Grade 3: resembles melanoma metastasis in the skin",
        "it is not a clinical stage",
        "21 images, 21 of them from one place",
        "26f7d7a8e16eb705c6c32718aab2e60d0c87baffbb733a77858d90f1dfab5a68",
        "400 x 400 pixels",
        "It must never be the sole basis of a decision about a patient.",
    ):
        expect(page.get_by_text(text).first).to_be_visible()
    _heatmap_follows_the_keyboard(page)
    _predictive_values_follow_the_prevalence(page)
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


def _predictive_values_follow_the_prevalence(page: Page) -> None:
    field = page.get_by_role("spinbutton", name="Of 100 lesions that you photograph, how many are malignant?")
    expect(field).to_have_value("20.0")
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("38.1 %")
    field.fill("5")
    field.press("Enter")
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("11.5 %")
    expect(page.get_by_text("Of 1000 lesions about 50 are malignant")).to_be_visible()
    expect(page.get_by_text(re.compile(r"for a prevalence of 20\.0 %; shifted to yours it is 1\d"))).to_be_visible()


def _pathology_is_staged(page: Page) -> None:
    settled(page)
    page.get_by_text("Enter what pathology found").click()
    page.get_by_role("spinbutton", name="Breslow thickness in mm").fill("1.4")
    page.get_by_role("radiogroup", name="Ulcerated").get_by_text("no", exact=True).click()
    for field, value in (("N category", "N0"), ("M category", "M0")):
        page.get_by_role("combobox", name=field).fill(value)
        page.get_by_role("option", name=value, exact=True).click()
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
    page.get_by_role("combobox", name="Look at one of them").click()
    page.get_by_role("option", name="11. broken.jpg").click()
    expect(page.get_by_text("Export the original once more")).to_be_visible()
    expect(page.get_by_text("corrupt_image, request")).to_be_visible()
    expect(page.locator("img.picture")).to_have_count(0)
