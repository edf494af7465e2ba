import httpx
import pytest

from tests.service.test_problem_responses import check_problem
from tests.tiny_models import MELANOMA, picture, png

DATA = png(picture(MELANOMA))


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("verison=1", 400, "unknown_parameter"),
        ("threshold=0.5", 400, "unknown_parameter"),
        ("version=1&label=stable", 400, "conflicting_parameters"),
        ("version=1&version=2", 400, "invalid_parameter"),
        ("explain=true&explain=true", 400, "invalid_parameter"),
        ("version=0", 400, "invalid_parameter"),
        ("version=-1", 400, "invalid_parameter"),
        ("version=one", 400, "invalid_parameter"),
        ("version=1.5", 400, "invalid_parameter"),
        ("version=1_0", 400, "invalid_parameter"),
        ("version=", 400, "invalid_parameter"),
        ("label=", 400, "invalid_parameter"),
        ("explain=maybe", 400, "invalid_parameter"),
        ("explain=", 400, "invalid_parameter"),
        ("operating_point=", 400, "invalid_parameter"),
        ("prevalence=0", 400, "invalid_parameter"),
        ("prevalence=1", 400, "invalid_parameter"),
        ("prevalence=5", 400, "invalid_parameter"),
        ("prevalence=5%25", 400, "invalid_parameter"),
        ("prevalence=nan", 400, "invalid_parameter"),
        ("prevalence=1e-2", 400, "invalid_parameter"),
        ("prevalence=", 400, "invalid_parameter"),
        ("operating_point=best", 400, "unknown_operating_point"),
        ("version=99", 404, "unknown_version"),
        ("version=99999999999999999999", 404, "unknown_version"),
        ("label=canary", 404, "unknown_label"),
        ("label=../../etc", 404, "unknown_label"),
        ("label=%00", 404, "unknown_label"),
    ],
)
@pytest.mark.parametrize("path", ["/classify", "/grade"])
def test_parameters_that_cannot_be(client: httpx.Client, path: str, query: str, status: int, code: str) -> None:
    check_problem(client.post(f"{path}?{query}", files={"file": DATA}), status, code)


@pytest.mark.parametrize("query", ["always=true", "breslow_mm=1", "ulcerated=true", "n=0", "m=0"])
def test_classify_has_no_parameters_of_grade(client: httpx.Client, query: str) -> None:
    problem = check_problem(client.post(f"/classify?{query}", files={"file": DATA}), 400, "unknown_parameter")
    assert query.split("=", maxsplit=1)[0] in str(problem["detail"])


@pytest.mark.parametrize(
    "query",
    ["breslow_mm=-0.1", "breslow_mm=101", "breslow_mm=thick", "breslow_mm=nan", "breslow_mm=inf", "breslow_mm=1,5",
     "breslow_mm=1_0", "breslow_mm=1e1", "breslow_mm=%D9%A1", "breslow_mm=.",
     "ulcerated=unknown", "n=4", "n=N0a", "n=1d", "n=0 ", "m=2", "m=x", "m=M1e", "always=2"],
)  # fmt: skip
def test_pathology_that_cannot_be(client: httpx.Client, query: str) -> None:
    problem = check_problem(client.post(f"/grade?{query}", files={"file": DATA}), 400, "invalid_parameter")
    assert query.split("=", maxsplit=1)[0] in str(problem["detail"])


def test_what_is_no_number_is_told_in_plain_words(client: httpx.Client) -> None:
    problem = check_problem(client.post("/grade?breslow_mm=1_0", files={"file": DATA}), 400, "invalid_parameter")
    assert problem["detail"] == "breslow_mm: a number is written with the digits 0 to 9, like 2 or 0.8."


@pytest.mark.parametrize(("query", "like"), [("n=cN0", "like N0 or 1a."), ("m=MX", "like M0, 1b or M1c(1).")])
def test_what_is_no_category_is_told_in_plain_words(client: httpx.Client, query: str, like: str) -> None:
    problem = check_problem(client.post(f"/grade?{query}", files={"file": DATA}), 400, "invalid_parameter")
    assert str(problem["detail"]).startswith(f"{query[0]}: a category is 0")
    assert str(problem["detail"]).endswith(like)


@pytest.mark.parametrize(
    "query", ["n=0", "n=N1a", "n=nx", "m=0", "m=M1c(1)", "breslow_mm=0", "breslow_mm=100", "breslow_mm=.8"]
)
def test_pathology_that_can_be(client: httpx.Client, query: str) -> None:
    answer = client.post(f"/grade?{query}", files={"file": DATA})
    assert answer.status_code == 200
    assert answer.json()["ajcc"]["basis"]


def test_an_unknown_operating_point_is_told_the_names(client: httpx.Client) -> None:
    answer = client.post("/grade?operating_point=best", files={"file": DATA})
    assert "sensitive, specific" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/models", "/models/classifier", "/models/classifier/versions/1"])
def test_models_have_no_parameters(client: httpx.Client, path: str) -> None:
    check_problem(client.get(f"{path}?state=serving"), 400, "unknown_parameter")
