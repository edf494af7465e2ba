"""Against the real service: of which files it must be asked which picture is meant."""

import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

from client import Client, Problem
from dermoscopy.dicom import syntaxes
from tests.dermoscopy.dicom_files import coded, jpeg_ls
from tests.ui.conftest import SAMPLE, Clinic, Keys
from ui.asking import Question, ask
from ui.frames import is_dicom, unclear

PIXELS = np.asarray(Image.open(SAMPLE).convert("RGB"))
SEVERAL = coded([jpeg_ls(PIXELS), jpeg_ls(PIXELS[::-1])], PIXELS, "RGB", syntaxes.JPEG_LS)


@pytest.fixture
def client(clinic: Clinic, keys: Keys) -> Iterator[Client]:
    with Client(clinic.url, key=keys.page) as opened:
        yield opened


def uploaded(data: bytes) -> UploadedFile:
    return UploadedFile(UploadedFileRec("id", "IM000001", "", data), FileURLs())


def animated() -> bytes:
    """A PNG that plays two pictures."""
    file = io.BytesIO()
    first, second = Image.fromarray(PIXELS), Image.fromarray(PIXELS[::-1])
    first.save(file, "PNG", save_all=True, append_images=[second])
    return file.getvalue()


def test_a_dicom_file_is_known_by_its_bytes() -> None:
    assert is_dicom(SEVERAL)
    assert not is_dicom(SAMPLE.read_bytes())
    assert not is_dicom(b"DICM")


def test_it_is_asked_for_until_somebody_says_which(client: Client) -> None:
    asked = ask(client, "IM000001", SEVERAL, Question())
    assert asked.answer is None
    assert unclear(uploaded(SEVERAL), asked.trouble)
    chosen = ask(client, "IM000001", SEVERAL, Question(frame=2))
    assert chosen.image is not None
    assert (chosen.image.frame, chosen.title) == (2, "IM000001, frame 2")
    assert not unclear(uploaded(SEVERAL), chosen.trouble)


def test_of_what_plays_nothing_can_be_chosen(client: Client) -> None:
    asked = ask(client, "plays.png", animated(), Question())
    assert isinstance(asked.trouble, Problem)
    assert asked.trouble.code == "animated_image"
    assert not unclear(uploaded(animated()), asked.trouble)


def test_a_frame_that_there_is_not_is_another_trouble(client: Client) -> None:
    asked = ask(client, "IM000001", SEVERAL, Question(frame=9))
    assert "no such frame" in str(asked.trouble)
    assert not unclear(uploaded(SEVERAL), asked.trouble)
