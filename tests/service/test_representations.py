import httpx
import pytest
from starlette.datastructures import Headers

from service.inference import Job
from service.problems import NotAcceptable
from service.representations import JSON, ImageAnswer, Representation, documented, representation_for
from tests.service.test_problem_responses import check_problem
from tests.tiny_models import MELANOMA, picture, png

DATA = png(picture(MELANOMA))


def write_nothing(_: ImageAnswer, __: Job) -> bytes:
    return b""


OTHER = Representation("application/x-other", write_nothing)


def test_several_lines_of_accept_are_one_header() -> None:
    raw = [(b"accept", b"text/html"), (b"accept", b"application/x-other")]
    assert representation_for(Headers(raw=raw), [JSON, OTHER]) is OTHER
    assert representation_for(Headers(), [JSON, OTHER]) is JSON


def test_a_refusal_names_what_there_is() -> None:
    with pytest.raises(NotAcceptable, match="application/json or application/x-other"):
        representation_for(Headers({"Accept": "text/html"}), [JSON, OTHER])


def test_what_fastapi_documents_itself_is_not_documented_twice() -> None:
    assert list(documented()[200]["content"]) == ["application/fhir+json", "application/dicom", "multipart/related"]


@pytest.mark.parametrize("path", ["/classify", "/grade", "/classify/batch", "/grade/batch"])
def test_what_cannot_be_written_is_refused_before_the_image_is_read(client: httpx.Client, path: str) -> None:
    answer = client.post(path, content=b"no image", headers={"Accept": "text/html", "Content-Type": "image/png"})
    check_problem(answer, 406, "not_acceptable")
    assert answer.headers["vary"] == "Accept"


@pytest.mark.parametrize(("path", "field"), [("/classify", "file"), ("/classify/batch", "files")])
def test_an_answer_says_that_it_depends_on_accept(client: httpx.Client, path: str, field: str) -> None:
    answer = client.post(path, files={field: DATA}, headers={"Accept": "text/html, */*;q=0.1"})
    assert (answer.headers["vary"], answer.headers["content-type"]) == ("Accept", "application/json")
