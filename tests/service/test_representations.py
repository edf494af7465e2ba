import httpx
import pytest
from starlette.datastructures import Headers

from service.inference import Job
from service.problems import NotAcceptable
from service.representations import (
    DICOM,
    FHIR,
    JSON,
    OBJECTS,
    ImageAnswer,
    Representation,
    documented,
    representations_for,
)
from tests.service.test_problem_responses import check_problem
from tests.tiny_models import MELANOMA, picture, png

DATA = png(picture(MELANOMA))


def write_nothing(_: ImageAnswer, __: Job) -> bytes:
    return b""


OTHER = Representation("application/x-other", write_nothing)


def test_several_lines_of_accept_are_one_header() -> None:
    raw = [(b"accept", b"text/html"), (b"accept", b"application/x-other")]
    assert representations_for(Headers(raw=raw), [JSON, OTHER]) == [OTHER]
    assert representations_for(Headers(), [JSON, OTHER]) == [JSON, OTHER]


def test_with_a_heatmap_what_has_no_place_for_it_is_left_out() -> None:
    both = Headers({"Accept": 'application/dicom, multipart/related; type="application/dicom"'})
    assert representations_for(both) == [DICOM, OBJECTS]
    assert representations_for(both, explain=True) == [OBJECTS]
    assert representations_for(Headers({"Accept": "application/dicom, */*;q=0.1"}), explain=True) == [
        JSON, FHIR, OBJECTS
    ]  # fmt: skip
    with pytest.raises(NotAcceptable, match="multipart/related"):
        representations_for(Headers({"Accept": "application/dicom"}), explain=True)


def test_a_refusal_names_what_there_is() -> None:
    with pytest.raises(NotAcceptable, match="application/json or application/x-other"):
        representations_for(Headers({"Accept": "text/html"}), [JSON, OTHER])


def test_what_fastapi_documents_itself_is_not_documented_twice() -> None:
    assert list(documented()[200]["content"]) == ["application/fhir+json", "application/dicom", "multipart/related"]


@pytest.mark.parametrize("path", ["/classify", "/grade", "/classify/batch", "/grade/batch"])
def test_what_cannot_be_written_is_refused_before_the_image_is_read(client: httpx.Client, path: str) -> None:
    answer = client.post(path, content=b"no image", headers={"Accept": "text/html", "Content-Type": "image/png"})
    check_problem(answer, 406, "not_acceptable")
    assert answer.headers["vary"] == "Accept"


@pytest.mark.parametrize("accept", ["application/dicom, application/json;q=0.1", "multipart/related, */*;q=0.1"])
@pytest.mark.parametrize("explain", ["false", "true"])
def test_what_can_be_no_dicom_object_comes_in_the_next_best_form(
    client: httpx.Client, accept: str, explain: str
) -> None:
    headers, query = {"Accept": accept, "Content-Type": "image/png"}, {"explain": explain}
    answer = client.post("/classify", params=query, content=DATA, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), answer.text


def test_a_heatmap_that_the_lone_object_has_no_place_for_is_refused_before_the_image_is_read(
    client: httpx.Client,
) -> None:
    headers = {"Accept": "application/dicom", "Content-Type": "image/png"}
    answer = client.post("/classify?explain=true", content=b"no image", headers=headers)
    assert "multipart/related" in str(check_problem(answer, 406, "not_acceptable")["detail"])


@pytest.mark.parametrize(("path", "field"), [("/classify", "file"), ("/classify/batch", "files")])
def test_an_answer_says_that_it_depends_on_accept(client: httpx.Client, path: str, field: str) -> None:
    answer = client.post(path, files={field: DATA}, headers={"Accept": "text/html, */*;q=0.1"})
    assert (answer.headers["vary"], answer.headers["content-type"]) == ("Accept", "application/json")
