import base64
import io

import numpy as np
import pytest
from PIL import Image

from dermoscopy.decode import decode
from dermoscopy.render import render_lesion
from service.heatmap import heatmap_png
from ui.pictures import data_url, paper, preview, shows_anything

LESION = Image.fromarray(render_lesion(3, side=96)).crop((0, 0, 96, 64))


def _file(form: str, orientation: int, image: Image.Image = LESION, xmp: bytes | None = None) -> bytes:
    exif = Image.Exif()
    if orientation != 1:
        exif[274] = orientation
    file = io.BytesIO()
    further = {"xmp": xmp} if xmp is not None else {}
    image.save(file, form, exif=exif, **further)
    return file.getvalue()


def _shown(data: bytes) -> Image.Image:
    found = decode(data)
    shown = preview(data, found.width, found.height)
    assert shown is not None
    opened = Image.open(io.BytesIO(shown))
    assert opened.format == "JPEG"
    assert dict(opened.getexif()) == {}
    return opened


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_picture_is_as_upright_as_the_service_saw_it(form: str, orientation: int) -> None:
    data = _file(form, orientation)
    seen = np.asarray(decode(data).image, dtype=float)
    shown = np.asarray(_shown(data).convert("RGB"), dtype=float)
    assert shown.shape == seen.shape
    assert np.abs(shown - seen).mean() < 3


def test_an_orientation_that_only_xmp_names_turns_nothing() -> None:
    """Neither the service nor browsers believe it; Pillow does."""
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    data = _file("JPEG", 1, xmp=xmp)
    assert b"tiff:Orientation" in data
    assert _shown(data).size == LESION.size


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK"])
def test_other_colours_are_shown(mode: str) -> None:
    data = _file("TIFF", 1, LESION.quantize() if mode == "P" else LESION.convert(mode))
    shown = np.asarray(_shown(data).convert("RGB"), dtype=float)
    assert np.abs(shown - np.asarray(decode(data).image, dtype=float)).mean() < 12


def test_what_is_transparent_is_on_white() -> None:
    clear = LESION.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(LESION.size).point(lambda value: 0 if value < 128 else 255))
    shown = np.asarray(_shown(_file("PNG", 1, clear)))
    assert shown[:24].min() > 245
    assert shown[40:].mean() < 230


def test_a_long_picture_is_made_small() -> None:
    assert _shown(_file("JPEG", 6, LESION.resize((3000, 2000)))).size == (683, 1024)


def test_what_differs_from_what_the_service_saw_is_not_shown() -> None:
    data = _file("PNG", 1)
    assert preview(data, 64, 96) is None
    assert preview(b"no image", 96, 64) is None
    assert preview(data[:-200], 96, 64) is None
    assert preview(data, 10_000, 10_000) is None


@pytest.mark.parametrize(("evidence", "shown"), [(0.5, True), (0.0, False), (-0.5, False)])
def test_a_heatmap_that_is_clear_everywhere_is_known(evidence: float, shown: bool) -> None:
    activation = np.full((7, 7), -0.1, np.float32)
    activation[3, 3] = evidence
    assert shows_anything(base64.b64decode(heatmap_png(activation, 96, 64))) == shown


def test_paper_has_the_shape_of_the_picture() -> None:
    assert Image.open(io.BytesIO(paper(3000, 2000))).size == (1024, 683)
    assert Image.open(io.BytesIO(paper(20, 40_000))).size == (1, 1024)


def test_an_address_holds_the_bytes() -> None:
    assert base64.b64decode(data_url(b"abc", "image/png").removeprefix("data:image/png;base64,")) == b"abc"
