from playwright.sync_api import Page, expect

from dermoscopy.dicom import syntaxes
from dermoscopy.render import render_lesion
from tests.dermoscopy.dicom_files import coded, jpeg_ls, native
from tests.ui.test_records import ABSTAINED, MODEL, classified
from tests.ui.test_words import problem
from tests.ui.uploads import dicom, jpeg, settled, turn_to, upload
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


def test_of_a_dicom_file_a_frame_is_chosen_and_what_cannot_be_drawn_is_told(page: Page) -> None:
    frames = [render_lesion(seed, side=120, malignancy=0.5) for seed in (1, 2)]
    two = coded([jpeg_ls(frame) for frame in frames], frames[0], "RGB", syntaxes.JPEG_LS)
    nameless = native(frames[1], StudyInstanceUID="")
    turn_to(page, "One lesion")
    upload(page, dicom("two.dcm", two), dicom("nameless", nameless), dicom("cut.dcm", two[: len(two) // 2]))
    expect(page.get_by_text("Of 3 images: ")).to_contain_text("2 without an answer")
    expect(page.get_by_text("The DICOM object has 2 frames")).to_be_visible()
    expect(page.get_by_text("Export the original once more")).to_be_visible()
    expect(page.get_by_text("This page shows the picture of a DICOM file only as the service draws it")).to_be_visible()
    expect(page.get_by_role("img", name="An empty place of 120 by 120 pixels")).to_be_visible()
    field = page.get_by_role("spinbutton", name="Which frame of the DICOM file?")
    expect(field).to_have_count(1)
    settled(page)
    field.fill("3")
    field.press("Enter")
    expect(page.get_by_text("There is no such frame: the DICOM object has 2.")).to_be_visible()
    settled(page)
    field.fill("2")
    field.press("Enter")
    expect(page.get_by_text("two.dcm, frame 2")).to_be_visible()
    expect(page.get_by_role("img", name="The uploaded picture with its heatmap")).to_be_visible()
    settled(page)
    page.get_by_text("Save for the record").last.click()
    expect(page.get_by_text("The SOP, series or study instance UID of the DICOM object is missing")).to_be_visible()
    expect(page.get_by_role("button", name="Save as FHIR")).to_be_visible()


def test_the_same_picture_twice_can_be_saved_twice(page: Page) -> None:
    turn_to(page, "One lesion")
    upload(page, jpeg(1), {**jpeg(1), "name": "copy.jpg"})
    expect(page.get_by_text("Of 2 images: ")).to_be_visible()
    for number in (1, 2):
        settled(page)
        page.get_by_text("Save for the record").nth(number - 1).click()
        expect(page.get_by_role("button", name="Save as FHIR")).to_have_count(number)


def test_a_summary_says_where_versions_are_mixed() -> None:
    other = classified(model=MODEL | {"version": 3, "sha256": "d" * 64})
    assert summary([classified(), other]).endswith(
        "They are answers of several versions (classifier/2, classifier/3), which cannot be compared."
    )
    assert "versions" not in summary([classified(), classified()])


def test_a_summary_counts_and_never_averages() -> None:
    lost = Asked("lost.jpg", ABSTAINED.when, trouble=problem("corrupt_image"))
    found = [classified(), classified(probability=0.5), ABSTAINED, lost]
    assert summary(found) == (
        "Of 4 images: 2 malignant, 1 not answered, 1 without an answer. "
        "Probabilities of malignancy from 25.0 % to 50.0 %."
    )
    assert summary([lost]) == "Of 1 images: 1 without an answer."
