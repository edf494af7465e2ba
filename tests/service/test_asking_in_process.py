import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pydicom
import pytest

from model_store.errors import StoreError, UnknownOperatingPoint
from model_store.store import StoredVersion
from service.asking import Wanted
from service.asking_in_process import MANY, InProcess, in_process
from service.loading import load_and_try
from service.settings import Settings
from tests.dermoscopy.dicom_files import STUDY, native, rgb
from tests.image_files import file_of
from tests.tiny_models import MELANOMA, picture, png


@pytest.fixture(scope="module")
def settings(pristine_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(store=pristine_store, state=tmp_path_factory.mktemp("state"))


def alone(settings: Settings, task: str) -> InProcess:
    with in_process(settings, Wanted(task)) as asker:
        assert isinstance(asker, InProcess)
        return asker


def test_what_is_wrong_with_an_image_is_a_reply(settings: Settings, tmp_path: Path) -> None:
    with in_process(settings, Wanted("classify")) as asker:
        reply = next(asker.replies([file_of(tmp_path, b"text")]))
    assert (reply.answer, reply.report) == (None, None)
    assert reply.problem is not None
    assert reply.problem["code"] == "unsupported_image_type"
    assert reply.problem["detail"]


def test_a_fault_of_ours_over_one_file_ends_nothing(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: object, **__: object) -> object:
        raise ZeroDivisionError("CANARY of the file")

    files = [file_of(tmp_path, png(picture(MELANOMA))), file_of(tmp_path, b"text")]
    with in_process(settings, Wanted("classify")) as asker:
        monkeypatch.setattr("service.inference.decide", fault)
        failed, other = asker.replies(files)
    assert failed.problem is not None
    assert other.problem is not None
    assert (failed.problem["code"], other.problem["code"]) == ("internal_error", "unsupported_image_type")
    assert "ZeroDivisionError at service/test_asking_in_process.py:" in failed.problem["detail"]
    assert "CANARY" not in failed.problem["detail"]


def test_what_is_wrong_with_the_question_ends_it(settings: Settings, tmp_path: Path) -> None:
    with (
        in_process(settings, Wanted("classify", operating_point="none such")) as asker,
        pytest.raises(UnknownOperatingPoint),
    ):
        next(asker.replies([file_of(tmp_path, png(picture(MELANOMA)))]))
    with pytest.raises(StoreError), in_process(settings, Wanted("classify", version=99)):
        pass


def test_a_report_is_made_of_a_dicom_file_and_of_nothing_else(settings: Settings, tmp_path: Path) -> None:
    with in_process(settings, Wanted("grade", form="dicom", always=True)) as asker:
        reply = next(asker.replies([file_of(tmp_path, native(rgb()))]))
        assert reply.report is not None
        assert pydicom.dcmread(io.BytesIO(reply.report)).StudyInstanceUID == STUDY
        none = next(asker.replies([file_of(tmp_path, png(picture(MELANOMA)))]))
    assert none.report is None
    assert none.problem is not None
    assert none.problem["code"] == "dicom_input_needed"


def test_in_fhir_it_is_a_bundle(settings: Settings, tmp_path: Path) -> None:
    with in_process(settings, Wanted("classify", form="fhir")) as asker:
        reply = next(asker.replies([file_of(tmp_path, png(picture(MELANOMA)))]))
    assert reply.answer is not None
    assert reply.answer["resourceType"] == "Bundle"
    assert "identifier" not in reply.answer, "there was no request that it could be found by"


def test_as_many_threads_as_the_service_would_have(settings: Settings) -> None:
    whole = alone(settings, "classify")
    for threads, expected in ((1, 1), (2, 3), (3, 4), (8, 4)):
        bounded = settings.model_copy(update={"threads": threads})
        assert InProcess(bounded, whole.wanted, whole.served).threads == expected


def test_many_images_are_made_ready_for_and_few_are_not(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    grader, ready = alone(settings, "grade"), list[object]()

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
    with in_process(settings.model_copy(update={"state": state}), Wanted("grade")) as asker:
        asker.expect(1)
    assert len(list(state.rglob("*.compiled"))) == (2 if there else 0)
    assert state.exists() == there


def test_only_what_answers_is_loaded(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []

    def count(stored: StoredVersion, given: Settings) -> object:
        loaded.append(stored.name)
        return load_and_try(stored, given)

    monkeypatch.setattr("service.versions.load_and_try", count)
    alone(settings, "classify")
    assert loaded == ["classifier"]


@pytest.mark.parametrize(
    ("images", "threads", "platform", "processes"),
    [
        (MANY, 2, "linux", 2),
        (MANY, 8, "linux", 4),
        (MANY - 1, 2, "linux", 0),
        (MANY, 1, "linux", 0),
        (MANY, 2, "darwin", 0),
    ],
)
def test_many_images_are_shared_out_to_processes_where_that_pays(  # noqa: PLR0917
    images: int, threads: int, platform: str, processes: int, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    @contextmanager
    def several(load: object, count: int) -> Iterator[object]:
        made.append(count)
        yield load

    monkeypatch.setattr("service.asking_in_processes.InProcesses", several)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.delitem(sys.modules, "openvino")
    with in_process(settings.model_copy(update={"threads": threads}), Wanted("classify"), images):
        assert made == [processes] * bool(processes)


def test_where_openvino_has_run_nothing_is_forked(settings: Settings) -> None:
    assert "openvino" in sys.modules
    with in_process(settings.model_copy(update={"threads": 2}), Wanted("classify"), MANY) as asker:
        assert isinstance(asker, InProcess)
