import io
import time
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from annotated_types import Le

from client import Client, MelanoserveError, NotFound, NotReachable, Patience
from model_store.labels import Labels
from model_store.store import Store
from service import following
from service.asking import UNREADABLE, Wanted
from service.asking_remote import MOST_BYTES, STABLE, Remote, Waiting, remote
from service.settings import Settings
from tests.dermoscopy.dicom_files import STUDY, native, rgb
from tests.image_files import file_of
from tests.running_service import Service, running
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
    assert time.monotonic() - begun < 20


def test_the_canary_answers_nobody_who_did_not_name_it(pristine_store: Path, tmp_path: Path) -> None:
    """Half of a table would be of another version, and a file of rows could not be gone on with."""
    assert STABLE == following.STABLE
    state, file = tmp_path / "state", file_of(tmp_path, png(picture(MELANOMA)))
    Labels(Store(pristine_store), state).move("classifier", "canary", 2, share=1.0)
    with running(pristine_store, state) as service, Client(str(service.client.base_url)) as client:
        deadline = time.monotonic() + 120
        while client.classify(file).model.version != 2:  # it is loaded after what is stable
            assert time.monotonic() < deadline
            time.sleep(0.1)
        for wanted, version in (
            (Wanted("classify"), 1),
            (Wanted("classify", label="canary"), 2),
            (Wanted("classify", version=2), 2),
        ):
            answer = Remote(client, wanted).ask(file).answer
            assert answer is not None
            assert answer["model"]["version"] == version


def test_why_it_waits_is_told_and_not_for_each_image(capsys: pytest.CaptureFixture[str]) -> None:
    with Client("http://127.0.0.1:9", patience=Waiting(attempts=9, first_wait=0.001)) as client:
        for _ in range(2):
            with pytest.raises(NotReachable):
                client.ready()
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.startswith("melanoserve: waiting for the service, which is asked again: nothing listens at http://")
    patient = Waiting(attempts=4, first_wait=0.001)
    with Client("http://127.0.0.1:9", patience=patient) as client, pytest.raises(NotReachable):
        client.ready()
    assert not capsys.readouterr().err


def test_a_file_that_no_service_may_take_is_not_read(tmp_path: Path) -> None:
    assert Le(MOST_BYTES) in Settings.model_fields["max_bytes"].metadata
    with (tmp_path / "slide.tif").open("wb") as large:
        large.truncate(10**12)  # reading it would fill the memory
    with Client("http://127.0.0.1:9", patience=Patience(attempts=1)) as client:
        asker = Remote(client, Wanted("classify"))
        too_large, gone = asker.ask(tmp_path / "slide.tif"), asker.ask(tmp_path / "gone.tif")
    assert too_large.problem is not None
    assert (too_large.problem["code"], gone.problem and gone.problem["code"]) == ("image_too_large", UNREADABLE)
