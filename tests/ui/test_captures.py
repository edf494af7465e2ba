import io

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import ImplicitVRLittleEndian

from dermoscopy.dicom import syntaxes
from tests.dermoscopy.dicom_files import CANARY, SECONDARY_CAPTURE, coded, grey, jpeg_ls, native, rgb
from ui.captures import preview

CAPTURE = native(rgb(), sop_class=SECONDARY_CAPTURE)


def test_the_picture_is_shown_and_nothing_else() -> None:
    assert CANARY.encode() in CAPTURE
    shown = preview(CAPTURE)
    assert shown is not None
    opened = Image.open(io.BytesIO(shown))
    assert (opened.format, opened.info.keys() & {"exif", "comment", "xmp"}) == ("JPEG", set())
    assert np.abs(np.asarray(opened, dtype=float) - rgb()).mean() < 4
    assert CANARY.encode() not in shown


@pytest.mark.parametrize(
    "file",
    [
        native(rgb(), planar=True),
        native(grey(), "MONOCHROME2"),
        native(rgb(), syntax=ImplicitVRLittleEndian),
        coded([jpeg_ls(rgb())], rgb(), "RGB", syntaxes.JPEG_LS),
        CAPTURE[: len(CAPTURE) // 2],
        CAPTURE[:200],
        b"",
    ],
)
def test_what_the_service_does_not_write_is_not_shown(file: bytes) -> None:
    assert preview(file) is None
