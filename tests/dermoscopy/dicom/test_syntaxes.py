import pytest
from pydicom.uid import UID

from dermoscopy.dicom import syntaxes

NAMES = {
    "IMPLICIT": "ImplicitVRLittleEndian", "EXPLICIT": "ExplicitVRLittleEndian",
    "DEFLATED": "DeflatedExplicitVRLittleEndian", "BIG_ENDIAN": "ExplicitVRBigEndian", "RLE": "RLELossless",
    "JPEG_BASELINE": "JPEGBaseline8Bit", "JPEG_EXTENDED": "JPEGExtended12Bit", "JPEG_LOSSLESS": "JPEGLossless",
    "JPEG_LOSSLESS_FIRST": "JPEGLosslessSV1", "JPEG_LS": "JPEGLSLossless", "JPEG_LS_NEAR": "JPEGLSNearLossless",
    "JPEG_2000_LOSSLESS": "JPEG2000Lossless", "JPEG_2000": "JPEG2000",
}  # fmt: skip
"""Ours -> the keyword of PS3.6."""


@pytest.mark.parametrize("name", NAMES)
def test_a_uid_is_the_one_that_the_standard_gives_it(name: str) -> None:
    assert UID(getattr(syntaxes, name)).keyword == NAMES[name]


def test_each_is_read_and_those_without_fragments_are_native() -> None:
    assert {getattr(syntaxes, name) for name in NAMES} == syntaxes.SYNTAXES
    assert all(UID(uid).is_encapsulated == (uid not in syntaxes.NATIVE) for uid in syntaxes.SYNTAXES)


def test_a_photograph_is_a_visible_light_image_or_a_secondary_capture() -> None:
    for uid in syntaxes.PHOTOGRAPHS:
        assert "Photographic" in UID(uid).name or "Secondary Capture" in UID(uid).name or "Dermoscopic" in UID(uid).name
