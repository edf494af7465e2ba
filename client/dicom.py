"""What the service answers to a DICOM file in DICOM: a report, and the heatmap over the picture beside it.

The files are kept as they are; any DICOM library reads them. They hold the patient's and the study's attributes, as
the file that was sent does.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MEDIA_TYPE = "application/dicom"
RELATED = f'multipart/related; type="{MEDIA_TYPE}"'


@dataclass(frozen=True)
class DicomObjects:
    """Files for the study of a DICOM image.

    Attributes:
        report: The structured report.
        heatmap: The picture with its heatmap as Secondary Capture, where an explanation was asked for and there is one.
    """

    report: bytes = field(repr=False)
    heatmap: bytes | None = field(default=None, repr=False)


def file_of(body: bytes) -> bytes:
    """The body, if it begins as a DICOM file does (PS3.10, 7.1).

    Raises:
        TypeError: It does not.
    """
    if body[128:132] != b"DICM":
        raise TypeError("no DICOM file")
    return body


def objects_of(body: bytes) -> DicomObjects:
    """The files in a body of multipart/related (RFC 2046, 5.1.1); its first line is what stands between them.

    Raises:
        TypeError: It holds something else than a report and maybe a heatmap.
    """
    delimiter = body.partition(b"\r\n")[0]
    first, *parts, last = body.split(delimiter) if delimiter.startswith(b"--") else [body, b""]
    if first or last.rstrip() != b"--" or len(parts) not in (1, 2):
        raise TypeError("no report, with a heatmap or without")
    files = [file_of(part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")) for part in parts]
    return DicomObjects(*files)
