import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from streamlit.testing.v1 import AppTest

from client import NotReachable
from tests.client.recorder import recording_proxy
from tests.ui.conftest import Clinic
from tests.ui.uploads import SAMPLE_FILE, settled, turn_to, upload
from ui import frame
from ui.frame import NOTICE, asker
from ui.settings import Settings

PHONE = {"width": 390, "height": 844}


@pytest.mark.parametrize(("scheme", "size"), [("light", None), ("dark", PHONE)])
def test_every_page_is_accessible_has_the_notice_and_fits(
    page: Page, scheme: str, size: dict[str, int] | None, verdict: str
) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    if size is not None:
        page.set_viewport_size({"width": size["width"], "height": size["height"]})
    page.reload()
    upload(page, SAMPLE_FILE)
    expect(page.get_by_text(verdict)).to_be_visible()
    expect(page.get_by_role("img", name="The uploaded picture")).to_be_visible()
    page.get_by_text("Enter what pathology found").click()
    expect(page.get_by_role("button", name="Compute the stage")).to_be_visible()
    settled(page)
    page.get_by_text("Save for the record").click()
    expect(page.get_by_role("button", name="Save as FHIR")).to_be_visible()
    _check(page, scheme)
    for title in ("One lesion", "History", "Models"):
        turn_to(page, title)
        settled(page)
        _check(page, scheme)


def test_the_service_beside_the_page_is_asked_by_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with recording_proxy(monkeypatch) as got:
        with asker(Settings(url="http://service.invalid:8000"), attempts=1) as client, pytest.raises(NotReachable):
            client.ready()
        assert got == []


def _draw() -> None:
    import streamlit as st  # noqa: PLC0415 - Streamlit runs the text of this function

    from ui import frame  # noqa: PLC0415

    frame.draw()
    st.write("the page goes on")


@pytest.mark.usefixtures("main_module")
@pytest.mark.parametrize(
    ("url", "key", "said"),
    [
        ("127.0.0.1:8000", "", "MELANOSERVE_URL must begin with http"),
        ("http://", "", "'http://' is not the address of a service"),
        ("http://127.0.0.1:9", "“quoted”", "the key has characters that no key has"),
    ],
)
def test_an_address_or_a_key_that_can_be_none_is_told_instead_of_the_page(
    url: str, key: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for cached in (frame.settings, frame.service, frame._prober):
        cached.clear()
    monkeypatch.setenv("MELANOSERVE_URL", url)
    monkeypatch.setenv("MELANOSERVE_KEY", key)
    app = AppTest.from_function(_draw).run(timeout=180)
    frame.settings.clear()
    assert not app.exception
    (told,) = app.error
    assert said in told.value.replace("\\", "")
    assert not app.markdown


def _check(page: Page, scheme: str) -> None:
    expect(page.get_by_text(NOTICE)).to_be_in_viewport()
    back = page.get_by_test_id("stApp").evaluate("app => getComputedStyle(app).backgroundColor")
    assert back == {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 23, 29)"}[scheme]
    wide = page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth - innerWidth")
    assert wide <= 0
    found = Axe().run(page).response["violations"]
    serious = [one for one in found if one["impact"] in {"serious", "critical"}]
    assert not serious, [(one["id"], [node["html"] for node in one["nodes"]]) for one in serious]


def test_the_service_stops_and_comes_back_while_the_page_is_open(page: Page, clinic: Clinic, verdict: str) -> None:
    expect(page.get_by_test_id("stFileUploaderDropzoneInput")).to_be_attached()
    clinic.stop()
    upload(page, SAMPLE_FILE)
    expect(page.get_by_role("button", name="Ask again")).to_be_visible()
    expect(page.get_by_text("The service cannot be reached. Nothing was lost")).to_have_count(2)
    expect(page.get_by_text(verdict)).to_have_count(0)
    clinic.start()
    page.get_by_role("button", name="Look again").click()
    expect(page.get_by_text("The service cannot be reached.")).to_have_count(1)
    page.get_by_role("button", name="Ask again").click()
    expect(page.get_by_text(verdict)).to_be_visible()
    expect(page.get_by_text("The service cannot be reached.")).to_have_count(0)
