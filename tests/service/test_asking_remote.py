import io
import time
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest

from client import Client, MelanoserveError, NotFound, NotReachable, Patience
from service.asking import Wanted
from service.asking_remote import Remote, remote
from tests.dermoscopy.dicom_files import STUDY, native, rgb
from tests.image_files import file_of
from tests.running_service import Service
from tests.service.limited import limited
from tests.tiny_models import MELANOMA, picture, png


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    with Client(str(service.client.base_url), patience=Patience(attempts=1)) as opened:
        yield opened


def test_what_is_wrong_with_an_image_is_a_reply(client: Client, tmp_path: Path) -> None:
    reply = Remote(client, Wanted("classify")).ask(file_of(tmp_path, b"text"))
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
def test_what_is_wrong_with_the_question_ends_it(client: Client, wanted: Wanted, code: str, tmp_path: Path) -> None:
    with pytest.raises(MelanoserveError, match=code):
        Remote(client, wanted).ask(file_of(tmp_path, png(picture(MELANOMA))))


def test_a_version_that_is_not_there_ends_it(client: Client, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        Remote(client, Wanted("classify", version=99)).ask(file_of(tmp_path, png(picture(MELANOMA))))


@pytest.mark.parametrize("task", ["classify", "grade"])
def test_a_report_is_made_of_a_dicom_file_and_of_nothing_else(client: Client, task: str, tmp_path: Path) -> None:
    asker = Remote(client, Wanted(task, form="dicom"))
    reply = asker.ask(file_of(tmp_path, native(rgb())))
    assert reply.report is not None
    assert pydicom.dcmread(io.BytesIO(reply.report)).StudyInstanceUID == STUDY
    none = asker.ask(file_of(tmp_path, png(picture(MELANOMA))))
    assert none.report is None
    assert none.problem is not None
    assert none.problem["code"] == "dicom_input_needed"


@pytest.mark.parametrize("task", ["classify", "grade"])
def test_in_fhir_it_is_a_bundle(client: Client, task: str, tmp_path: Path) -> None:
    reply = Remote(client, Wanted(task, form="fhir")).ask(file_of(tmp_path, png(picture(MELANOMA))))
    assert reply.answer is not None
    assert reply.answer["resourceType"] == "Bundle"
    assert reply.answer["identifier"]["value"]


@pytest.fixture
def forty(tmp_path: Path) -> list[Path]:
    files = [tmp_path / f"{number:02}.png" for number in range(40)]
    for file in files:
        file.write_bytes(b"an image")
    return files


def test_a_rate_that_is_used_up_costs_time_and_no_image(forty: list[Path]) -> None:
    with limited(burst=2, a_second=6.0) as server, remote(server.url, None, Wanted("classify"), 40) as asker:
        replies = list(asker.replies(forty))
    assert [reply.problem for reply in replies] == [None] * 40
    assert server.refused >= 8, "the rate was never used up"


def test_a_service_that_starts_anew_is_waited_for(forty: list[Path]) -> None:
    with limited(burst=4, a_second=1000.0) as first, remote(first.url, None, Wanted("classify"), 40) as asker:
        replies = asker.replies(forty)
        assert next(replies).problem is None
        first.close()
        time.sleep(3.0)  # a client with the patience for one image gives up
        with limited(burst=40, a_second=1000.0, port=first.port):
            assert [reply.problem for reply in replies] == [None] * 39


def test_a_wrong_address_is_told_of_at_once_however_many_images_there_are() -> None:
    begun = time.monotonic()
    with pytest.raises(NotReachable), remote("http://127.0.0.1:9", None, Wanted("classify"), 40):
        pass
    assert time.monotonic() - begun < 10
