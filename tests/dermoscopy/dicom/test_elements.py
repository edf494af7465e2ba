import pydicom
import pytest

from dermoscopy.dicom import syntaxes
from dermoscopy.dicom.elements import PIXEL_DATA, matches, read_elements
from dermoscopy.errors import CorruptImage, TooManyBytes
from dermoscopy.limits import Limits
from tests.dermoscopy.dicom_files import STUDY, native, rgb

ROWS, STUDY_UID = 0x00280010, 0x0020000D
WANTED = frozenset({ROWS, STUDY_UID, PIXEL_DATA, 0x00091234})


def test_a_file_is_known_by_its_mark_whatever_is_before_it() -> None:
    assert matches(b"II*\0" + bytes(124) + b"DICM")
    assert not matches(b"DICM" + bytes(200))


@pytest.mark.parametrize("syntax", [syntaxes.IMPLICIT, syntaxes.EXPLICIT, syntaxes.DEFLATED, syntaxes.BIG_ENDIAN])
def test_what_was_asked_for_is_found_where_it_is(syntax: str) -> None:
    found = read_elements(native(rgb(), syntax=syntax), WANTED, Limits())
    assert found.syntax == syntax
    assert found.elements.keys() == {ROWS, STUDY_UID, PIXEL_DATA}
    assert (found.value(STUDY_UID) or b"").rstrip(b"\0").decode() == STUDY
    rows = found.value(ROWS) or b""
    assert int.from_bytes(rows, "big" if syntax == syntaxes.BIG_ENDIAN else "little") == rgb().shape[0]
    assert found.value(PIXEL_DATA) == rgb().tobytes()
    assert found.value(0x00091234) is None


def test_a_second_element_of_a_tag_cannot_say_something_else() -> None:
    data = native(rgb())
    row = b"\x28\0\x10\0US\2\0" + rgb().shape[0].to_bytes(2, "little")
    assert data.count(row) == 1
    with pytest.raises(CorruptImage, match="out of order"):
        read_elements(data.replace(row, row + row), WANTED, Limits())


def test_what_is_deflated_is_inflated_no_further_than_is_allowed() -> None:
    data = native(rgb(), syntax=syntaxes.DEFLATED)
    with pytest.raises(TooManyBytes, match="inflates to more than 5000 bytes"):
        read_elements(data, WANTED, Limits(max_bytes=5000))


def test_without_its_transfer_syntax_nothing_of_it_is_guessed() -> None:
    data = native(rgb())
    syntax = pydicom.uid.ExplicitVRLittleEndian.encode() + b"\0"
    element = b"\2\0\x10\0UI" + len(syntax).to_bytes(2, "little") + syntax
    assert data.count(element) == 1
    with pytest.raises(CorruptImage, match="does not name its transfer syntax"):
        read_elements(data.replace(element, b""), WANTED, Limits())
