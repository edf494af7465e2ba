"""The typed Python client of a melanoserve service.

    with Client("http://127.0.0.1:8000", key=KEY) as client:
        answer = client.classify(Path("lesion.jpg"))
        print(answer.decision, answer.probability)

`AsyncClient` has the same methods to await. What the service refuses raises a `Problem` with its `code`; what may
succeed later is tried again by itself.
"""

from client.answers import (
    Ajcc,
    AtPrevalence,
    Classification,
    ClassifyAnswer,
    Explanation,
    Grade,
    GradeAnswer,
    Image,
    Label,
    Model,
    ModelAnswer,
    OperatingPoint,
    Quality,
    Suspected,
    Version,
)
from client.asynchronous import AsyncClient
from client.calls import ClassifyOptions, GradeOptions, Source
from client.dicom import DicomObjects
from client.errors import (
    DeadlineExceeded,
    Forbidden,
    InvalidRequest,
    MelanoserveError,
    NotFound,
    NotReachable,
    Problem,
    RateLimited,
    ServiceFault,
    Unauthorized,
    Unavailable,
    UnexpectedAnswer,
    UnreadableImage,
)
from client.manifest import Calibration, Evaluation, Manifest, Measured, MeasuredPoint, VersionAnswer
from client.retrying import Patience
from client.synchronous import Client

__all__ = [
    "Ajcc",
    "AsyncClient",
    "AtPrevalence",
    "Calibration",
    "Classification",
    "ClassifyAnswer",
    "ClassifyOptions",
    "Client",
    "DeadlineExceeded",
    "DicomObjects",
    "Evaluation",
    "Explanation",
    "Forbidden",
    "Grade",
    "GradeAnswer",
    "GradeOptions",
    "Image",
    "InvalidRequest",
    "Label",
    "Manifest",
    "Measured",
    "MeasuredPoint",
    "MelanoserveError",
    "Model",
    "ModelAnswer",
    "NotFound",
    "NotReachable",
    "OperatingPoint",
    "Patience",
    "Problem",
    "Quality",
    "RateLimited",
    "ServiceFault",
    "Source",
    "Suspected",
    "Unauthorized",
    "Unavailable",
    "UnexpectedAnswer",
    "UnreadableImage",
    "Version",
    "VersionAnswer",
]
