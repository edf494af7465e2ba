import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset

from dermoscopy.dicom import syntaxes
from dermoscopy.limits import Limits
from service.answers import Explanation
from service.dicom.overlay import LONGEST_SIDE, overlay
from service.dicom.source import OF_THE_PIXELS, read_source
from service.inference import Job, Question
from service.progress import Progress
from tests.dermoscopy.dicom_files import CANARY, STUDY, coded, dataset, describe, jpeg, jpeg_ls, native, write
from tests.dermoscopy.files import picture as rendered
from tests.service.dicom.test_report import valid
from tests.tiny_models import BENIGN, MELANOMA, picture

BLUE = (0, 0, 255, 128)


def drawn(data: bytes, colour: tuple[int, int, int, int] = BLUE, frame: int | None = None) -> Dataset:
    """With a heatmap that is the same everywhere."""
    file = io.BytesIO()
    Image.new("RGBA", (7, 7), colour).save(file, "PNG")
    explanation = Explanation(heatmap_png=base64.b64encode(file.getvalue()).decode())
    return overlay(explanation, read_source(data), Job(data, Limits(), Question("r", frame=frame), Progress(60)))


def test_the_heatmap_lies_over_the_picture_in_its_study() -> None:
    shown = drawn(native(picture(MELANOMA)))
    half = picture(MELANOMA).astype(float) * 127 / 255
    assert np.abs(shown.pixel_array[..., :2] - half[..., :2]).max() <= 1
    assert np.abs(shown.pixel_array[..., 2] - half[..., 2] - 128).max() <= 1
    assert (shown.StudyInstanceUID, shown.PatientName) == (STUDY, CANARY)


@pytest.mark.parametrize(
    "said",
    [
        {"BurnedInAnnotation": "NO", "RecognizableVisualFeatures": "NO", "LossyImageCompression": "00"},
        {"BurnedInAnnotation": "YES", "RecognizableVisualFeatures": "YES", "ImageLaterality": "L"},
        {"Laterality": "R"},
        {
            "LossyImageCompression": "01",
            "LossyImageCompressionRatio": [12.5, 3],
            "LossyImageCompressionMethod": ["ISO_10918_1", "ISO_15444_1"],
        },
    ],
)
def test_what_holds_of_the_pixels_holds_of_the_picture_made_of_them(said: dict[str, Any], tmp_path: Path) -> None:
    found = dataset(**{"BurnedInAnnotation": None, **said})
    describe(found, picture(MELANOMA), "RGB")
    found.PixelData = picture(MELANOMA).tobytes()
    found["PixelData"].VR = "OB"
    shown = drawn(write(found, syntaxes.EXPLICIT))
    unsaid = {} if said.keys() & {"Laterality", "ImageLaterality"} else {"Laterality": ""}
    assert {name: shown.get(name) for name in OF_THE_PIXELS if name in shown} == said | unsaid
    file = io.BytesIO()
    shown.save_as(file, enforce_file_format=True)
    valid(file.getvalue(), tmp_path)


@pytest.mark.parametrize("said", [{}, {"LossyImageCompression": "00"}])
def test_pixels_that_were_a_jpeg_are_lossy_whatever_the_object_says(said: dict[str, Any], tmp_path: Path) -> None:
    data = coded([jpeg(rendered())], np.asarray(rendered()), "YBR_FULL_422", syntaxes.JPEG_BASELINE, **said)
    shown = drawn(data)
    assert (shown.LossyImageCompression, shown.LossyImageCompressionMethod) == ("01", "ISO_10918_1")
    file = io.BytesIO()
    shown.save_as(file, enforce_file_format=True)
    valid(file.getvalue(), tmp_path)


def test_what_cannot_be_said_of_pixels_is_not_repeated_and_keeps_nobody_from_the_heatmap() -> None:
    wrong: dict[str, Any] = {
        "BurnedInAnnotation": "MAYBE",
        "ImageLaterality": "X",
        "LossyImageCompressionMethod": "canary^jane",
    }
    data = native(picture(MELANOMA), LossyImageCompressionRatio="12.5", **wrong).replace(b"12.5", b"many")
    shown = drawn(data)
    assert not [name for name in OF_THE_PIXELS if shown.get(name)]


def test_where_there_is_no_evidence_the_picture_is_as_it_was() -> None:
    assert np.array_equal(drawn(native(picture(MELANOMA)), (0, 0, 0, 0)).pixel_array, picture(MELANOMA))


@pytest.mark.parametrize(("size", "shown"), [((1600, 400), (1024, 256)), ((301, 201), (301, 201))])
def test_no_side_is_too_long_and_odd_bytes_are_padded(size: tuple[int, int], shown: tuple[int, int]) -> None:
    found = drawn(native(np.asarray(Image.fromarray(picture(BENIGN)).resize(size))))
    assert (found.Columns, found.Rows) == shown
    assert max(shown) <= LONGEST_SIDE
    assert len(found.PixelData) % 2 == 0


def test_of_several_frames_it_is_drawn_over_the_one_that_was_asked_about() -> None:
    frames = [picture(MELANOMA), picture(BENIGN)]
    data = coded([jpeg_ls(each) for each in frames], frames[0], "RGB", syntaxes.JPEG_LS)
    for number, each in enumerate(frames, 1):
        found = drawn(data, (0, 0, 0, 0), number)
        assert np.array_equal(found.pixel_array, each)
        assert found.SourceImageSequence[0].ReferencedFrameNumber == number
    assert found.SourceImageSequence[0].ReferencedSOPInstanceUID == f"{STUDY}.3"
