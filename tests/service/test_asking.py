from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Event

import pytest

from client import Client, Patience
from model_store.errors import StoreError
from service.asking import UNREADABLE, Reply, Wanted, about_the_image, replies_of
from service.asking_in_process import in_process
from service.asking_remote import Remote
from service.problems import catalogue
from service.settings import Settings
from tests.image_files import file_of
from tests.running_service import ROOT, Service
from tests.tiny_models import BENIGN, MELANOMA, picture, png

OF_ONE_IMAGE = {
    "empty_image", "unsupported_image_type", "unsupported_transfer_syntax", "not_a_photograph", "no_such_frame",
    "image_too_large", "too_many_pixels", "image_too_small", "animated_image", "corrupt_image", "contradictory_colours",
    "unreportable_object", "dicom_input_needed", "implausible_output", "internal_error", "deadline_exceeded",
}  # fmt: skip
NEVER_SAID = {"unsupported_media_type", "unsupported_content_encoding", "too_many_files", "body_too_large"}
"""Of a body that another client sends, not the command line."""


@pytest.fixture(scope="module")
def settings(pristine_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(store=pristine_store, state=tmp_path_factory.mktemp("state"))


@pytest.fixture
def remote(service: Service) -> Iterator[Client]:
    with Client(str(service.client.base_url), patience=Patience(attempts=1)) as client:
        yield client


@pytest.mark.parametrize("wanted", [Wanted("classify"), Wanted("grade", always=True), Wanted("classify", version=2)])
def test_here_and_there_the_answer_is_the_same(
    wanted: Wanted, settings: Settings, remote: Client, tmp_path: Path
) -> None:
    there = Remote(remote, wanted)
    with in_process(settings, wanted) as here:
        for colour in (MELANOMA, BENIGN):
            files = [file_of(tmp_path, png(picture(colour)))]
            mine, theirs = (next(asker.replies(files)).answer for asker in (here, there))
            assert mine is not None
            assert theirs is not None
            assert mine | {"request_id": ""} == theirs | {"request_id": ""}


def test_replies_come_in_the_order_of_the_files_and_several_are_asked_at_once(tmp_path: Path) -> None:
    together = Barrier(3)

    def ask(file: Path) -> Reply:
        together.wait(60)
        return Reply({"file": file.name})

    files = [tmp_path / str(number) for number in range(9)]
    answers = [reply.answer for reply in replies_of(ask, files, threads=3)]
    assert answers == [{"file": file.name} for file in files]


def test_after_a_failure_no_further_file_is_asked_about(tmp_path: Path) -> None:
    asked: list[Path] = []

    def ask(file: Path) -> Reply:
        asked.append(file)
        raise StoreError("It must not answer.")

    with pytest.raises(StoreError):
        list(replies_of(ask, [tmp_path / str(number) for number in range(1000)], threads=1))
    assert len(asked) < 1000


def test_who_asks_is_told_that_no_answer_is_wanted_any_more(tmp_path: Path) -> None:
    told = Event()

    def ask(file: Path) -> Reply:
        if file.name == "1":
            assert told.wait(60), "it is waited for"
            return Reply({})
        raise StoreError("It must not answer.")

    with pytest.raises(StoreError):
        list(replies_of(ask, [tmp_path / str(number) for number in range(2)], threads=2, stop=told.set))
    assert told.is_set()


def test_a_problem_of_one_image_does_not_end_a_folder_and_any_other_does() -> None:
    said = {code for code, kind in catalogue().items() if about_the_image(kind.status, kind.code)}
    assert said - NEVER_SAID == OF_ONE_IMAGE


def test_the_code_that_the_command_line_alone_has_is_documented_where_all_are() -> None:
    assert UNREADABLE not in catalogue()
    assert f"`{UNREADABLE}`" in (ROOT / "docs" / "errors.md").read_text("utf-8")
