import pytest
from playwright.sync_api import Page, expect
from streamlit.testing.v1 import AppTest

from client import Client
from client.manifest import VersionAnswer
from tests.shipped import recent
from tests.ui.conftest import Clinic, Keys
from tests.ui.uploads import turn_to


def test_a_version_is_shown_with_what_was_measured(page: Page, clinic: Clinic, keys: Keys) -> None:
    with Client(clinic.url, key=keys.page) as client:
        number = client.model("classifier").labels["stable"].version
        manifest = client.version("classifier", number).manifest
    assert manifest is not None
    turn_to(page, "Models")
    versions = page.get_by_role("region", name="Versions of classifier")
    expect(versions.get_by_role("row", name="stable")).to_contain_text(f"{number}serving")
    figure = manifest.evaluations["ham10000"].metrics["auc_malignant_vs_benign"]
    figures = page.get_by_role("region", name="Figures of ham10000")
    row = figures.get_by_role("row", name="AUC malignant vs benign").first
    expect(row).to_contain_text(f"{figure.value:.3f}{figure.low:.3f} to {figure.high:.3f}")
    page.get_by_role("tab", name="Plots").click()
    expect(page.get_by_role("img", name="Sensitivity against false alarms (ROC)")).to_be_visible()
    page.get_by_role("tab", name="Model card").click()
    expect(page.get_by_role("heading", name="What it says")).to_be_visible()
    page.get_by_role("tab", name="Licence").click()
    expect(page.get_by_role("tabpanel", name="Licence").get_by_text("non-commercial").first).to_be_visible()


def test_a_label_moves_with_the_key_of_an_operator_alone(page: Page, keys: Keys, clinic: Clinic) -> None:
    turn_to(page, "Models")
    page.get_by_text("Move a label", exact=True).click()
    page.get_by_label("Label", exact=True).fill("trial")
    page.get_by_role("button", name="Move the label").click()
    expect(page.get_by_text("The API key was not made for this.")).to_be_visible()
    page.get_by_role("textbox", name="API key with the scope admin").fill(keys.admin)
    page.get_by_role("button", name="Move the label").click()
    expect(page.get_by_text("“trial” now points to classifier/")).to_be_visible()
    # The table above is of after the move, and the key is not left to whoever comes to the window next.
    expect(page.get_by_role("region", name="Labels of classifier").get_by_role("row", name="trial")).to_be_visible()
    expect(page.get_by_role("textbox", name="API key with the scope admin")).to_have_value("")
    page.get_by_role("textbox", name="API key with the scope admin").fill("“quoted”")
    page.get_by_role("button", name="Move the label").click()
    expect(page.get_by_text("the key has characters that no key has")).to_be_visible()


def _draw(version: int) -> None:
    from ui import page_models  # noqa: PLC0415 - Streamlit runs the text of this function

    page_models._version("classifier", version)


@pytest.mark.usefixtures("connected", "main_module")
@pytest.mark.parametrize(
    ("state", "reason", "said"),
    [
        ("loading", None, "is being tried. Look again in a few seconds."),
        ("refused", "It was changed.", "is refused and does not answer. It was changed."),
    ],
)
def test_what_is_being_tried_is_not_said_to_be_refused(
    state: str, reason: str | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = Client.version

    def without_manifest(client: Client, name: str, version: int) -> VersionAnswer:
        changes = {"state": state, "reason": reason, "digest": None, "manifest": None}
        return shown(client, name, version).model_copy(update=changes)

    monkeypatch.setattr(Client, "version", without_manifest)
    number, _ = recent("classifier")
    app = AppTest.from_function(_draw, args=(number,)).run(timeout=180)
    assert not app.exception
    assert len(app.info) + len(app.error) == 1
    (told,) = app.info if state == "loading" else app.error
    assert told.value.replace("\\", "") == f"classifier/{number} {said}"
