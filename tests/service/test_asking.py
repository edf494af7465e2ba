from collections.abc import Iterator
from pathlib import Path

import pytest

from client import Client, MelanoserveError, NotFound, Patience
from model_store.errors import StoreError, UnknownOperatingPoint
from service.asking import Asker, Wanted
from service.asking_in_process import InProcess, in_process
from service.asking_remote import Remote
from service.settings import Settings
from tests.running_service import Service
from tests.tiny_models import BENIGN, MELANOMA, picture, png


@pytest.fixture(scope="module")
def settings(pristine_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(store=pristine_store, state=tmp_path_factory.mktemp("state"))


@pytest.fixture
def remote(service: Service) -> Iterator[Client]:
    with Client(str(service.client.base_url), patience=Patience(attempts=1)) as client:
        yield client


@pytest.mark.parametrize("wanted", [Wanted("classify"), Wanted("grade", always=True), Wanted("classify", version=2)])
def test_here_and_there_the_answer_is_the_same(wanted: Wanted, settings: Settings, remote: Client) -> None:
    here, there = in_process(settings, wanted), Remote(remote, wanted)
    for colour in (MELANOMA, BENIGN):
        mine, theirs = (asker.ask(png(picture(colour))).answer for asker in (here, there))
        assert mine is not None
        assert theirs is not None
        assert mine | {"request_id": ""} == theirs | {"request_id": ""}


def test_what_is_wrong_with_an_image_is_a_reply(settings: Settings, remote: Client) -> None:
    for asker in (in_process(settings, Wanted("classify")), Remote(remote, Wanted("classify"))):
        reply = asker.ask(b"text")
        assert reply.answer is None
        assert reply.problem is not None
        assert reply.problem["code"] == "unsupported_image_type"
        assert reply.problem["detail"]


def test_what_is_wrong_with_the_question_ends_it(settings: Settings, remote: Client) -> None:
    wanted = Wanted("classify", operating_point="none such")
    asker: Asker = in_process(settings, wanted)
    with pytest.raises(UnknownOperatingPoint):
        asker.ask(png(picture(MELANOMA)))
    with pytest.raises(MelanoserveError, match="unknown_operating_point"):
        Remote(remote, wanted).ask(png(picture(MELANOMA)))
    with pytest.raises(StoreError):
        in_process(settings, Wanted("classify", version=99))
    with pytest.raises(NotFound):
        Remote(remote, Wanted("classify", version=99)).ask(png(picture(MELANOMA)))
    with pytest.raises(MelanoserveError, match="invalid_parameter"):
        Remote(remote, Wanted("classify", version=0)).ask(png(picture(MELANOMA)))


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
