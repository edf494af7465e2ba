import asyncio
import io

import pydicom
import pytest
from highdicom.sr import srread

from client import AsyncClient, Client, DicomObjects
from client.dicom import objects_of
from tests.dermoscopy.dicom_files import STUDY, native
from tests.tiny_models import MELANOMA, picture

DATA = native(picture(MELANOMA))
FILE = b"\0" * 128 + b"DICM" + b"..."


def test_a_report_comes_alone_or_with_the_heatmap_over_the_picture(client: Client, url: str) -> None:
    async def ask() -> tuple[DicomObjects, DicomObjects]:
        async with AsyncClient(url) as opened:
            return await opened.classify_objects(DATA), await opened.grade_objects(DATA, explain=True)

    for alone, both in ((client.classify_objects(DATA), client.grade_objects(DATA, explain=True)), asyncio.run(ask())):
        assert alone.heatmap is None
        assert both.heatmap is not None
        assert {srread(io.BytesIO(one.report)).StudyInstanceUID for one in (alone, both)} == {STUDY}
        assert pydicom.dcmread(io.BytesIO(both.heatmap)).pixel_array.shape == picture(MELANOMA).shape


def test_files_are_taken_out_of_a_body() -> None:
    part = b"--x\r\nContent-Type: application/dicom\r\n\r\n" + FILE + b"\r\n"
    assert objects_of(part + b"--x--\r\n") == DicomObjects(FILE)
    assert objects_of(part + part + b"--x--\r\n") == DicomObjects(FILE, FILE)
    assert "DICM" not in repr(objects_of(part + b"--x--\r\n"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        FILE,
        b"--x--\r\n",
        b"--x\r\n\r\n" + FILE + b"\r\n",  # cut off before its end
        b"--x\r\n\r\nno file\r\n--x--\r\n",
        3 * (b"--x\r\n\r\n" + FILE + b"\r\n") + b"--x--\r\n",
    ],
)
def test_what_is_no_such_body_is_told(body: bytes) -> None:
    with pytest.raises(TypeError):
        objects_of(body)
