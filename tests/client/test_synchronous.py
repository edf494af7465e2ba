import base64
import io
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from client import (
    ClassifyAnswer,
    Client,
    DeadlineExceeded,
    Forbidden,
    InvalidRequest,
    MelanoserveError,
    NotFound,
    NotReachable,
    Patience,
    Problem,
    Unauthorized,
    Unavailable,
    UnexpectedAnswer,
    UnreadableImage,
)
from tests.client.recorder import recording_proxy
from tests.client.unreliable import PROBLEM, answer, problem, unreliable
from tests.running_service import Service
from tests.tiny_models import BENIGN, MELANOMA, picture, png

QUICK = Patience(attempts=4, first_wait=0.01)
READY = answer(200, {"status": "ready", "models": []})


def test_a_lesion_is_classified_from_bytes_a_path_or_an_open_file(client: Client, tmp_path: Path) -> None:
    data = png(picture(MELANOMA))
    (tmp_path / "lesion.png").write_bytes(data)
    found = [client.classify(source) for source in (data, tmp_path / "lesion.png", io.BytesIO(data))]
    for one in found:
        assert one.decision == "malignant"
        assert one.probability == found[0].probability
        assert one.model.version == 1
        assert one.differential is not None
        assert one.differential[0].code == "mel"
    assert client.classify(png(picture(BENIGN))).decision == "benign"


def test_options_are_passed_on(client: Client) -> None:
    found = client.classify(
        png(picture(MELANOMA)), version=2, operating_point="specific", explain=True, prevalence=0.03
    )
    assert (found.model.version, found.operating_point.name) == (2, "specific")
    assert found.at_prevalence is not None
    assert found.at_prevalence.prevalence == 0.03
    assert found.explanation is not None
    assert found.explanation.heatmap == base64.b64decode(found.explanation.heatmap_png)
    assert found.explanation.heatmap.startswith(b"\x89PNG")


def test_a_grade_comes_with_its_limits_and_pathology_with_its_stage(client: Client) -> None:
    found = client.grade(png(picture(MELANOMA)), breslow_mm=1.4, ulcerated=False, n="0", m="0")
    assert found.grade is not None
    assert set(found.grade.evidence) == {"1", "2", "3"}
    assert found.ajcc is not None
    assert (found.ajcc.t_category, found.ajcc.clinical_stage_group) == ("T2a", "IB")
    withheld = client.grade(png(picture(BENIGN)))
    assert withheld.grade is None
    assert withheld.grade_withheld
    assert client.grade(png(picture(BENIGN)), always=True).grade is not None


def test_of_a_batch_each_has_its_answer_or_its_problem(client: Client) -> None:
    good, bad, other = client.classify_batch([png(picture(MELANOMA)), b"text", png(picture(BENIGN))])
    assert isinstance(good, ClassifyAnswer)
    assert isinstance(other, ClassifyAnswer)
    assert (good.decision, other.decision) == ("malignant", "benign")
    assert isinstance(bad, UnreadableImage)
    assert bad.code == "unsupported_image_type"
    (grade,) = client.grade_batch([png(picture(BENIGN))], always=True)
    assert not isinstance(grade, Problem)
    assert grade.grade is not None


def test_models_and_labels(client: Client) -> None:
    found = {model.name: model for model in client.models()}
    assert found["classifier"].labels["stable"].serving == 1
    assert [version.version for version in client.model("classifier").versions] == [1, 2]
    try:
        assert client.move_label("classifier", "canary", 2, share=0.0).version == 2
        assert client.model("classifier").labels["canary"].share == 0.0
    finally:
        client.move_label("classifier", "canary", 1, share=0.0)
    assert client.ready()


def test_a_version_says_how_it_was_measured_and_hands_out_what_people_read(client: Client) -> None:
    found = client.version("classifier", 2)
    assert found.manifest is not None
    assert (found.name, found.version) == ("classifier", 2)
    assert found.manifest.operating_points[0].name == found.manifest.default_operating_point == "sensitive"
    assert found.manifest.evaluations["painted"].metrics["auc"].high == 0.95
    assert "golden/00.png" in found.manifest.files
    assert client.file("classifier", 2, "golden/00.png").startswith(b"\x89PNG")
    for number, path in ((2, "saved_model.pb"), (3, "golden/00.png")):
        with pytest.raises(NotFound):
            client.file("classifier", number, path)


def test_what_the_service_refuses_is_raised_at_once(client: Client, service: Service) -> None:
    with pytest.raises(UnreadableImage) as refused:
        client.classify(b"text")
    error = refused.value
    assert (error.code, error.status, error.retryable) == ("unsupported_image_type", 415, False)
    assert service.request(error.request_id)["code"] == error.code
    with pytest.raises(NotFound, match=r"\(unknown_version\)"):
        client.classify(b"text", version=99)
    with pytest.raises(InvalidRequest, match="conflicting_parameters"):
        client.classify(b"text", version=1, label="stable")


def test_keys(guarded: tuple[str, str]) -> None:
    url, key = guarded
    with Client(url) as nobody, pytest.raises(Unauthorized):
        nobody.classify(png(picture(MELANOMA)))
    with Client(url, key=key) as known:
        assert known.classify(png(picture(MELANOMA))).decision == "malignant"
        with pytest.raises(Forbidden, match="insufficient_scope"):
            known.move_label("classifier", "stable", 1)


@pytest.mark.parametrize("trouble", [problem(), None, 0.01, problem(status=429, code="rate_limited")])
def test_what_may_succeed_later_is_tried_again(trouble: bytes | float | None) -> None:
    with unreliable(trouble, trouble, READY) as server, Client(server.url, patience=QUICK) as client:
        assert client.ready()
        assert server.requests == 3


@pytest.mark.parametrize("status", [400, 401, 403, 413, 422, 500, 503])
def test_what_cannot_help_is_not_tried_again(status: int) -> None:
    with unreliable(problem(status=status, retryable=False)) as server, Client(server.url, patience=QUICK) as client:
        with pytest.raises(Problem) as refused:
            client.ready()
        assert (refused.value.status, server.requests) == (status, 1)


def test_patience_ends() -> None:
    with unreliable(problem()) as server, Client(server.url, patience=QUICK) as client:
        with pytest.raises(Unavailable):
            client.ready()
        assert server.requests == 4


def test_the_service_says_how_long_to_wait() -> None:
    with unreliable(problem(retry_after=1), READY) as server, Client(server.url, patience=QUICK) as client:
        assert client.ready()
        assert server.moments[1] - server.moments[0] >= 0.99


def test_a_server_that_stalls_is_given_up() -> None:
    patience = Patience(attempts=2, first_wait=0.01)
    with unreliable(60.0) as server, Client(server.url, timeout=0.2, patience=patience) as client:
        begun = time.monotonic()
        with pytest.raises(NotReachable, match="did not answer in time"):
            client.ready()
        assert time.monotonic() - begun < 30


def test_where_nothing_listens() -> None:
    with unreliable(READY) as server:
        url = server.url
    with Client(url, patience=Patience(attempts=1)) as client, pytest.raises(NotReachable, match="nothing listens at"):
        client.ready()


@pytest.mark.parametrize(
    "foreign",
    [
        answer(200, b"<html>hello</html>", "text/html"),
        answer(200, {"hello": 1}),
        answer(404, {"detail": "Not Found"}),
        answer(503, {"title": "x"}, "application/problem+json"),
    ],
)
def test_another_program_is_told_from_melanoserve(foreign: bytes) -> None:
    with unreliable(foreign) as server, Client(server.url, patience=QUICK) as client:
        with pytest.raises(UnexpectedAnswer):
            client.models()
        assert server.requests == 1


def test_every_error_is_of_one_family() -> None:
    for error in (NotReachable, UnexpectedAnswer, Problem, DeadlineExceeded):
        assert issubclass(error, MelanoserveError)


def test_this_machine_is_asked_by_no_proxy_and_others_only_where_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    once = Patience(attempts=1)
    with recording_proxy(monkeypatch) as got, unreliable(READY) as server:
        for host in ("127.0.0.1", "localhost"):
            with Client(server.url.replace("127.0.0.1", host), key="SECRET", patience=once) as client:
                assert client.ready()
        with Client("http://[::1]:9", patience=once) as client, pytest.raises(NotReachable):
            client.ready()
        with Client("http://clinic.invalid", patience=once, use_proxy=False) as client, pytest.raises(NotReachable):
            client.ready()
        assert got == []
        with Client("http://clinic.invalid", patience=once) as client, pytest.raises(UnexpectedAnswer):
            client.ready()
        assert len(got) == 1


def test_who_waits_to_ask_again_is_let_go_when_it_is_closed() -> None:
    patience = Patience(first_wait=60.0, longest_wait=60.0)
    with unreliable(problem()) as server, ThreadPoolExecutor(1) as pool:
        client = Client(server.url, patience=patience)
        asked = pool.submit(client.ready)
        while not server.requests:
            time.sleep(0.01)
        client.close()
        with pytest.raises(MelanoserveError):
            asked.result(timeout=30)


def test_a_batch_is_waited_for_and_asked_once() -> None:
    late = (0.8, answer(200, {"items": [{"problem": PROBLEM, "answer": None}]}))
    with unreliable(late) as server, Client(server.url, timeout=0.2, patience=QUICK) as client:
        (told,) = client.classify_batch([b"image"])
        assert isinstance(told, Problem)
        assert server.requests == 1
    once, in_time = Patience(attempts=1), pytest.raises(NotReachable, match="did not answer in time")
    with unreliable(60.0) as server, Client(server.url, timeout=0.2, patience=once) as client, in_time:
        client.classify(b"image")
