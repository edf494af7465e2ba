from playwright.sync_api import Page, expect

from tests.ui.test_records import ABSTAINED, classified
from tests.ui.test_words import problem
from tests.ui.uploads import jpeg, turn_to, upload
from ui.asking import Asked
from ui.page_lesion import summary


def test_pictures_of_a_lesion_stand_side_by_side_and_upright(page: Page) -> None:
    turn_to(page, "One lesion")
    upload(page, jpeg(1), jpeg(3, orientation=6))
    expect(page.get_by_text("Of 2 images: ")).to_be_visible()
    expect(page.get_by_text("No mean is shown")).to_be_visible()
    pictures = page.locator("img.picture")
    expect(pictures).to_have_count(2)
    sizes = [picture.evaluate("image => [image.naturalWidth, image.naturalHeight]") for picture in pictures.all()]
    assert sizes == [[240, 180], [180, 240]]
    width, height = page.locator("img.heat").nth(1).evaluate("image => [image.naturalWidth, image.naturalHeight]")
    assert 4 * width == 3 * height


def test_a_summary_counts_and_never_averages() -> None:
    lost = Asked("lost.jpg", ABSTAINED.when, trouble=problem("corrupt_image"))
    found = [classified(), classified(probability=0.5), ABSTAINED, lost]
    assert summary(found) == (
        "Of 4 images: 2 malignant, 1 not answered, 1 without an answer. "
        "Probabilities of malignancy from 25.0 % to 50.0 %."
    )
    assert summary([lost]) == "Of 1 images: 1 without an answer."
