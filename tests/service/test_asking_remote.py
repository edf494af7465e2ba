import io
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest

from client import Client, MelanoserveError, NotFound, Patience
from service.asking import Wanted
from service.asking_remote import Remote
from tests.dermoscopy.dicom_files import STUDY, native, rgb
from tests.image_files import file_of
from tests.running_service import Service
from tests.tiny_models import MELANOMA, picture, png


@pytest.fixture
def remote(service: Service) -> Iterator[Client]:
    with Client(str(service.client.base_url), patience=Patience(attempts=1)) as client:
        yield client


def test_what_is_wrong_with_an_image_is_a_reply(remote: Client, tmp_path: Path) -> None:
    reply = Remote(remote, Wanted("classify")).ask(file_of(tmp_path, b"text"))
    assert (reply.answer, reply.report) == (None, None)
    assert reply.problem is not None
    assert (reply.problem["code"], reply.problem["status"]) == ("unsupported_image_type", 415)
    assert reply.problem["detail"]


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (Wanted("classify", operating_point="none such"), "unknown_operating_point"),
        # Left out, as what is merely false is, it would be answered by another version.
        (Wanted("classify", version=0), "invalid_parameter"),
    ],
)
def test_what_is_wrong_with_the_question_ends_it(remote: Client, wanted: Wanted, code: str, tmp_path: Path) -> None:
    with pytest.raises(MelanoserveError, match=code):
        Remote(remote, wanted).ask(file_of(tmp_path, png(picture(MELANOMA))))


def test_a_version_that_is_not_there_ends_it(remote: Client, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        Remote(remote, Wanted("classify", version=99)).ask(file_of(tmp_path, png(picture(MELANOMA))))


@pytest.mark.parametrize("task", ["classify", "grade"])
def test_a_report_is_made_of_a_dicom_file_and_of_nothing_else(remote: Client, task: str, tmp_path: Path) -> None:
    asker = Remote(remote, Wanted(task, form="dicom"))
    reply = asker.ask(file_of(tmp_path, native(rgb())))
    assert reply.report is not None
    assert pydicom.dcmread(io.BytesIO(reply.report)).StudyInstanceUID == STUDY
    none = asker.ask(file_of(tmp_path, png(picture(MELANOMA))))
    assert none.report is None
    assert none.problem is not None
    assert none.problem["code"] == "dicom_input_needed"


@pytest.mark.parametrize("task", ["classify", "grade"])
def test_in_fhir_it_is_a_bundle(remote: Client, task: str, tmp_path: Path) -> None:
    reply = Remote(remote, Wanted(task, form="fhir")).ask(file_of(tmp_path, png(picture(MELANOMA))))
    assert reply.answer is not None
    assert reply.answer["resourceType"] == "Bundle"
    assert reply.answer["identifier"]["value"]
