import hashlib
import os
import subprocess
import sys

import pytest

from dermoscopy.prepare import prepare
from tests.fuzz import bmp, dicom, jpeg, png, tiff, webp
from tests.fuzz.cases import FORMATS, Case, build, parse_case, seeds

_DIGEST = """
import hashlib
from tests.fuzz.cases import FORMATS, Case, build
print(hashlib.sha256(b"".join(build(Case(form, number)) for form in FORMATS for number in range(20))).hexdigest())
"""


def test_a_case_is_the_same_in_every_process() -> None:
    here = hashlib.sha256(b"".join(build(Case(form, number)) for form in FORMATS for number in range(20))).hexdigest()
    done = subprocess.run(
        [sys.executable, "-c", _DIGEST],
        capture_output=True,
        check=True,
        text=True,
        timeout=120,
        env=os.environ | {"PYTHONHASHSEED": "7"},
    )
    assert done.stdout.strip() == here


@pytest.mark.parametrize("form", FORMATS)
def test_every_seed_is_sound_and_few_cases_are_alike(form: str) -> None:
    for data in seeds(form):
        prepare(data)
    assert len(seeds(form)) >= 5
    made = {build(Case(form, number)) for number in range(60)}
    assert len(made) > 55
    assert len(made & set(seeds(form))) < 5


def test_taking_a_file_apart_and_joining_it_changes_nothing() -> None:
    for data in seeds("jpeg"):
        assert jpeg.join(jpeg.parse(data)) == data
    for data in seeds("png"):
        assert png.join(png.parse(data)) == data
    for data in seeds("webp"):
        assert webp.join(webp.parse(data)) == data
    for data in seeds("dicom"):
        # What deflates may do it in another way.
        assert dicom.parse(data).deflated or dicom.join(dicom.parse(data)) == data
    for data in seeds("bmp"):
        parsed = bmp.parse(data)
        assert bytes(parsed.head) + parsed.rest == data
    for data in seeds("tiff"):
        # The parts come in another order, but the picture is the same.
        assert (prepare(tiff.join(tiff.parse(data))).pixels == prepare(data).pixels).all()


def test_a_case_has_a_name() -> None:
    assert parse_case("tiff:12") == Case("tiff", 12)
    assert str(Case("tiff", 12)) == "tiff:12"
    for wrong in ("gif:1", "jpeg", "jpeg:-1", "jpeg:x", ""):
        with pytest.raises(ValueError, match="FORMAT:NUMBER"):
            parse_case(wrong)
