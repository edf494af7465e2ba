"""A PACS that answers over DICOMweb as a test tells it to.

web = answering(lambda request: httpx.Response(200, json=[row("1.2.3")]))
"""

from collections.abc import Callable

import httpx
from pydicom.uid import VLPhotographicImageStorage

from gateway.dicomweb import DicomWeb


def answering(answer: Callable[[httpx.Request], httpx.Response]) -> DicomWeb:
    """What asks that PACS; no connection is opened."""
    return DicomWeb(httpx.Client(base_url="http://pacs", transport=httpx.MockTransport(answer)))


def row(instance: str) -> dict[str, dict[str, object]]:
    """What QIDO-RS says of a photograph with this SOP Instance UID."""
    tags = {"00080016": VLPhotographicImageStorage, "0020000D": "1.2", "0020000E": "1.3", "00080018": instance}
    return {tag: {"vr": "UI", "Value": [value]} for tag, value in tags.items()}
