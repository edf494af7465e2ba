from collections.abc import Iterator
from pathlib import Path

import pytest

from client import Client, Patience
from service.asking import Wanted, about_the_image
from service.asking_in_process import in_process
from service.asking_remote import Remote
from service.problems import catalogue
from service.settings import Settings
from tests.running_service import Service
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
def test_here_and_there_the_answer_is_the_same(wanted: Wanted, settings: Settings, remote: Client) -> None:
    there = Remote(remote, wanted)
    with in_process(settings, wanted) as here:
        for colour in (MELANOMA, BENIGN):
            mine, theirs = (asker.ask(png(picture(colour))).answer for asker in (here, there))
            assert mine is not None
            assert theirs is not None
            assert mine | {"request_id": ""} == theirs | {"request_id": ""}


def test_a_problem_of_one_image_does_not_end_a_folder_and_any_other_does() -> None:
    said = {code for code, kind in catalogue().items() if about_the_image(kind.status, kind.code)}
    assert said - NEVER_SAID == OF_ONE_IMAGE
