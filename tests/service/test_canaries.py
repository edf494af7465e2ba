"""Nothing of a patient comes out anywhere: not in logs, databases, temporary files, metrics, traces or answers."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.tracing import installed
from tests.running_service import Service, running
from tests.service.canaries import WORD, broken, forms, images, leaks
from tests.service.collector import Receiver, receiving

HEADERS = {
    "User-Agent": WORD, "Referer": f"http://pacs/{WORD}", "Cookie": f"patient={WORD}", "X-Patient-Name": WORD,
    "X-Forwarded-For": WORD, "Forwarded": f"for={WORD}", "Authorization": f"Basic {WORD}", "baggage": f"name={WORD}",
    "tracestate": f"name={WORD}", "Accept-Language": WORD, "traceparent": f"00-{WORD}",
}  # fmt: skip
PIXELS = tuple(sent.data[len(sent.data) // 2 :][:24] for sent in images())


class Told:
    """Everything that a client was answered."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.places: dict[str, bytes] = {}
        self.statuses: set[int] = set()

    def post(self, path: str, **options: object) -> None:
        self._keep(self.client.post(path, headers=HEADERS, **options))  # type: ignore[arg-type]  # passed on

    def send(self, path: str, data: bytes, content_type: str) -> None:
        self._keep(self.client.post(path, content=data, headers={**HEADERS, "Content-Type": content_type}))

    def get(self, path: str) -> None:
        self._keep(self.client.get(path, headers=HEADERS))

    def _keep(self, answer: httpx.Response) -> None:
        number = len(self.places)
        self.statuses.add(answer.status_code)
        self.places[f"answer {number}"] = answer.content + repr(answer.headers).encode()
        for found in re.findall(rb'"heatmap_png":"([^"]+)"', answer.content):
            self.places[f"heatmap {number}"] = base64.b64decode(found)


def ask(told: Told) -> None:
    """Sends the word in every place where a client can put one."""
    for sent in images():
        told.send("/classify?explain=true", sent.data, sent.media_type)
        told.post("/grade?always=true", files={"file": (f"{WORD}.jpg", sent.data, sent.media_type)})
    everything = [*images(), *broken()]
    told.post(
        "/classify/batch", files=[("files", (f"{WORD} {sent.name}", sent.data, sent.media_type)) for sent in everything]
    )
    for sent in broken():
        told.send("/classify", sent.data, sent.media_type)
        told.post("/grade", files={"file": (f"../{WORD}/{sent.name}", sent.data, f"{sent.media_type}; name={WORD}")})
    data = images()[0].data
    told.post("/classify", files={WORD: (WORD, data, "image/jpeg")})
    told.post("/classify", files={"file": (WORD, data, f"application/{WORD}")})
    told.send("/classify", data, f"text/{WORD}")
    told.send("/classify", f"--{WORD}\r\n{WORD}".encode(), f"multipart/form-data; boundary={WORD}")
    for query in ("version", "label", "operating_point", "explain", "n", "breslow_mm"):
        told.send(f"/grade?{query}={WORD}", data, "image/jpeg")
    for path in (
        f"/{WORD}",
        f"/models/{WORD}",
        f"/problems/{WORD}",
        f"/audit?code={WORD}",
        "/audit",
        "/audit?format=csv",
    ):
        told.get(path)


def files(*folders: Path) -> Iterator[tuple[str, bytes]]:
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                yield f"{file}", file.name.encode() + b"\n" + file.read_bytes()


def places(service: Service, told: Told, receiver: Receiver, *folders: Path) -> dict[str, bytes]:
    """Everything that is left of what was sent."""
    return {
        **told.places, "log": service.log.encode(), "traces": receiver.raw, **dict(files(*folders)),
        "metrics": service.client.get("/metrics").content,
    }  # fmt: skip


@pytest.mark.skipif(not installed(), reason="requirements/tracing.txt is not installed")
def test_nothing_of_a_patient_comes_out_anywhere(pristine_store: Path, tmp_path: Path) -> None:
    state, temporary = tmp_path / "state", tmp_path / "temporary"
    temporary.mkdir()
    with (
        receiving() as receiver,
        running(
            pristine_store,
            state,
            variables={"TMPDIR": str(temporary)},
            LOG_LEVEL="debug",
            TRACE_ENDPOINT=receiver.endpoint,
        ) as service,
    ):
        told = Told(service.client)
        ask(told)
        assert {200, 400, 404, 415, 422} <= told.statuses
        assert leaks(places(service, told, receiver, state, temporary), pixels=PIXELS) == []
        # The request id is the client's own, and comes back: what does come out is found wherever it is.
        planted = {"X-Request-Id": "Dompfaff", "Content-Type": "image/png"}
        told.places["planted"] = service.client.post("/classify", content=images()[1].data, headers=planted).content
        service.request("Dompfaff")
        held = places(service, told, receiver, state, temporary)
        found = {line.rpartition(":")[0] for line in leaks(held, "Dompfaff")}
        assert {"planted", "log"} <= found
        assert any(re.search(r"audit\.db(-wal)?$", place) for place in found)
        assert service.stop() == 0
        held = {"log": service.log.encode(), "traces": receiver.raw, **dict(files(state, temporary))}
    assert leaks(held, pixels=PIXELS) == []
    assert {"traces: plain", "log: plain"} <= set(leaks(held, "Dompfaff"))
    assert f"{state / 'audit.db'}: plain" in leaks(held, "Dompfaff")
    assert [path.name for path in temporary.iterdir()] == []


@pytest.mark.parametrize("form", forms(WORD))
def test_a_word_is_found_in_whatever_form(form: str) -> None:
    assert leaks({"log": b"before" + forms(WORD)[form] + b"after"})


def test_words_are_found_in_the_files_that_are_sent() -> None:
    """What carries nothing proves nothing."""
    for sent in images():
        assert leaks({sent.name: sent.data}), sent.name
    planted = {"heatmap": next(sent.data for sent in images() if sent.name == "png")}
    assert leaks(planted)
    assert leaks({"x": images()[0].data}, pixels=PIXELS)
    assert json.dumps(leaks({"x": b"nothing"})) == "[]"
