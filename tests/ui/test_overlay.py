"""What is laid over a picture, and what is said of it; a browser shows whether it is drawn so."""

import base64
import io
import json
from typing import Any

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from client import Image as Received
from ui.overlay import CAPTION, NOTHING, TOGETHER

pytestmark = pytest.mark.usefixtures("main_module")

RECEIVED = Received(sha256="a" * 64, media_type="image/png", width=40, height=30)


def _file(form: str, image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, form)
    return file.getvalue()


PICTURE = _file("JPEG", Image.new("RGB", (40, 30)))
SHOWS, CLEAR = (_file("PNG", Image.new("RGBA", (4, 3), (0, 0, 255, opacity))) for opacity in (200, 0))


def _draw(function: str, *arguments: object) -> None:
    from ui import overlay  # noqa: PLC0415 - Streamlit runs the text of this function

    getattr(overlay, function)(*arguments, key="a", caption=overlay.CAPTION)


def _drawn(function: str, *arguments: Any) -> dict[str, Any]:
    """What the browser is handed, and what is said where it is handed nothing."""
    app = AppTest.from_function(_draw, args=(function, *arguments, RECEIVED)).run(timeout=180)
    assert not app.exception
    handed: list[dict[str, Any]] = [
        json.loads(element.proto.json) for element in app.main if element.type == "bidi_component"
    ]
    return handed[0] if handed else {"said": [caption.value for caption in app.caption]}


def test_evidence_lies_over_the_picture() -> None:
    found = _drawn("draw", PICTURE, SHOWS)
    assert found["picture"].startswith("data:image/jpeg;base64,")
    assert found["heatmap"].startswith("data:image/png;base64,")
    assert (found["alt"], found["caption"]) == ("The uploaded picture, 40 by 30 pixels", CAPTION)


@pytest.mark.parametrize(("heatmap", "said"), [(CLEAR, NOTHING), (None, "")], ids=["clear", "none"])
def test_without_evidence_there_is_no_heatmap_and_that_is_told_where_one_was_asked_for(
    heatmap: bytes | None, said: str
) -> None:
    found = _drawn("draw", PICTURE, heatmap)
    assert (found["heatmap"], found["caption"]) == (None, said)


@pytest.mark.parametrize(
    ("heatmap", "said"), [(SHOWS, f"{TOGETHER} {CAPTION}"), (CLEAR, NOTHING)], ids=["shows", "clear"]
)
def test_over_a_picture_that_has_its_heatmap_in_it_no_other_is_laid(heatmap: bytes, said: str) -> None:
    found = _drawn("draw_together", PICTURE, heatmap)
    assert (found["heatmap"], found["caption"]) == (None, said)


def test_a_heatmap_without_its_picture_lies_on_paper_of_the_same_shape() -> None:
    found = _drawn("draw_alone", SHOWS)
    assert found["alt"] == "An empty place of 40 by 30 pixels"
    assert found["heatmap"] is not None
    with Image.open(io.BytesIO(base64.b64decode(found["picture"].partition(",")[2]))) as paper:
        assert 3 * paper.width == 4 * paper.height


def test_a_clear_heatmap_without_its_picture_is_only_told() -> None:
    assert _drawn("draw_alone", CLEAR) == {"said": [NOTHING]}
