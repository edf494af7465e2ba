"""What the form makes of what is entered; that the service then stages it is looked at in a browser."""

from decimal import Decimal

import pytest
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec
from streamlit.testing.v1 import AppTest

from ui.asking import Pathology

pytestmark = pytest.mark.usefixtures("main_module")

FILE = UploadedFile(UploadedFileRec("the-file", "lesion.png", "", b""), FileURLs())


def _draw(file: "UploadedFile") -> None:
    from ui import pathology_form  # noqa: PLC0415 - Streamlit runs the text of this function

    pathology_form.show(file, None)


def _entered(breslow: float | None, ulcerated: str, n: str, m: str) -> Pathology:
    app = AppTest.from_function(_draw, args=(FILE,)).run(timeout=60)
    app.number_input[0].set_value(breslow)
    app.radio[0].set_value(ulcerated)
    app.selectbox[0].set_value(n)
    app.selectbox[1].set_value(m)
    app.button[0].click().run(timeout=60)
    assert not app.exception
    found: Pathology = app.session_state["melanoserve"].pathology[FILE.file_id]
    return found


def test_what_is_not_known_is_nothing_and_not_a_no() -> None:
    assert _entered(None, "not known", "not known", "not known") == Pathology()


@pytest.mark.parametrize(("ulcerated", "meant"), [("yes", True), ("no", False)])
def test_what_is_known_is_asked_as_it_was_entered(ulcerated: str, meant: bool) -> None:
    assert _entered(1.4, ulcerated, "N1a", "M0") == Pathology(Decimal("1.40"), meant, "N1a", "M0")


def test_in_situ_is_a_thickness() -> None:
    assert _entered(0.0, "not known", "not known", "not known").breslow_mm == Decimal(0)
