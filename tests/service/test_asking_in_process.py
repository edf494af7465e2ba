import io
from pathlib import Path

import pydicom
import pytest

from model_store.errors import StoreError, UnknownOperatingPoint
from service.asking import Wanted
from service.asking_in_process import InProcess, in_process
from service.settings import Settings
from tests.dermoscopy.dicom_files import STUDY, native, rgb
from tests.tiny_models import MELANOMA, picture, png


@pytest.fixture(scope="module")
def settings(pristine_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(store=pristine_store, state=tmp_path_factory.mktemp("state"))


def test_what_is_wrong_with_an_image_is_a_reply(settings: Settings) -> None:
    reply = in_process(settings, Wanted("classify")).ask(b"text")
    assert (reply.answer, reply.report) == (None, None)
    assert reply.problem is not None
    assert reply.problem["code"] == "unsupported_image_type"
    assert reply.problem["detail"]


def test_what_is_wrong_with_the_question_ends_it(settings: Settings) -> None:
    asker = in_process(settings, Wanted("classify", operating_point="none such"))
    with pytest.raises(UnknownOperatingPoint):
        asker.ask(png(picture(MELANOMA)))
    with pytest.raises(StoreError):
        in_process(settings, Wanted("classify", version=99))


def test_a_report_is_made_of_a_dicom_file_and_of_nothing_else(settings: Settings) -> None:
    asker = in_process(settings, Wanted("grade", form="dicom", always=True))
    reply = asker.ask(native(rgb()))
    assert reply.report is not None
    assert pydicom.dcmread(io.BytesIO(reply.report)).StudyInstanceUID == STUDY
    none = asker.ask(png(picture(MELANOMA)))
    assert none.report is None
    assert none.problem is not None
    assert none.problem["code"] == "dicom_input_needed"


def test_in_fhir_it_is_a_bundle(settings: Settings) -> None:
    reply = in_process(settings, Wanted("classify", form="fhir")).ask(png(picture(MELANOMA)))
    assert reply.answer is not None
    assert reply.answer["resourceType"] == "Bundle"
    assert "identifier" not in reply.answer, "there was no request that it could be found by"


def test_as_many_threads_as_the_service_would_have(settings: Settings) -> None:
    whole = in_process(settings, Wanted("classify"))
    for threads, expected in ((1, 1), (2, 3), (3, 4), (8, 4)):
        bounded = settings.model_copy(update={"threads": threads})
        assert InProcess(bounded, whole.wanted, whole.served).threads == expected


def test_many_images_are_made_ready_for_and_few_are_not(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    grader, ready = in_process(settings, Wanted("grade")), list[object]()

    def expect_crowds(runtime: object) -> None:
        ready.append(runtime)

    monkeypatch.setattr(type(grader.served.runtime), "expect_crowds", expect_crowds)
    grader.expect(3)
    assert ready == []
    grader.expect(1000)
    assert grader.served.classifier is not None
    assert ready == [grader.served.runtime, grader.served.classifier.runtime]


@pytest.mark.parametrize("there", [True, False])
def test_what_was_compiled_is_kept_where_there_is_a_state_folder(
    settings: Settings, tmp_path: Path, there: bool
) -> None:
    state = tmp_path / "operators"
    if there:
        state.mkdir()
    asker = in_process(settings.model_copy(update={"state": state}), Wanted("grade"))
    asker.expect(1)
    assert len(list(state.rglob("*.compiled"))) == (2 if there else 0)
    assert state.exists() == there
