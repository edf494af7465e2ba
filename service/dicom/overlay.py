"""The heatmap laid over the picture, as a Secondary Capture that every viewer shows."""

import base64
import io

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from dermoscopy.decode import decode
from service.answers import Explanation
from service.dicom.content import new_uid
from service.dicom.source import OF_THE_PIXELS, OF_THE_STUDY, OFFSET, now_at, number_of_frames
from service.inference import Job

LONGEST_SIDE = 1024


def overlay(explanation: Explanation, source: Dataset, job: Job) -> Dataset:
    """The picture with its heatmap, no side longer than `LONGEST_SIDE`, in the study of `source`.

    Args:
        explanation: With the heatmap.
        source: The object that it is about.
        job: With its bytes.
    """
    picture = decode(job.data, limits=job.limits, frame=job.question.frame).image
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    heatmap = Image.open(io.BytesIO(base64.b64decode(explanation.heatmap_png))).convert("RGBA").resize(picture.size)
    shown = Image.alpha_composite(picture.convert("RGBA"), heatmap).convert("RGB")
    found = _about(source, job.question.frame)
    found.Columns, found.Rows = shown.size
    found.SamplesPerPixel, found.PlanarConfiguration, found.PhotometricInterpretation = 3, 0, "RGB"
    found.BitsAllocated, found.BitsStored, found.HighBit, found.PixelRepresentation = 8, 8, 7, 0
    pixels = np.asarray(shown).tobytes()
    found.PixelData = pixels + b"\0" * (len(pixels) % 2)
    found["PixelData"].VR = "OB"
    return found


def _about(source: Dataset, frame: int | None) -> Dataset:
    found, now = Dataset(), now_at(source)
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    found.SpecificCharacterSet = source.SpecificCharacterSet
    found.SOPClassUID, found.SOPInstanceUID = SecondaryCaptureImageStorage, new_uid()
    found.StudyInstanceUID, found.SeriesInstanceUID = source.StudyInstanceUID, new_uid()
    for name in (*OF_THE_STUDY, *OF_THE_PIXELS, OFFSET):
        if name in source:
            setattr(found, name, source.get(name))
    found.Modality, found.ConversionType, found.SeriesNumber, found.InstanceNumber = "OT", "WSD", 9_102, 1
    found.SeriesDescription = "AI heatmap, for research use only"
    found.Manufacturer, found.ManufacturerModelName = "melanoserve", "melanoserve"
    found.ImageType = ["DERIVED", "SECONDARY"]
    found.DerivationDescription = "Where the network found evidence for malignancy, over the picture"
    found.ContentDate, found.ContentTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    # Of type 2C: an empty value says that it is not known, which the object may not leave open.
    found.PatientOrientation = ""
    if "Laterality" not in found and "ImageLaterality" not in found:
        found.Laterality = ""
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = source.SOPClassUID, source.SOPInstanceUID
    if frame is not None and number_of_frames(source) > 1:
        reference.ReferencedFrameNumber = frame
    found.SourceImageSequence = [reference]
    return found
