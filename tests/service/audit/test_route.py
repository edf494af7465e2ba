"""GET /audit of a service with keys."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from benchmarks.postgres import Postgres
from service.audit.address import Address
from service.key_file import KeyFile, parsed
from tests.running_service import running
from tests.service.audit.conftest import emptied
from tests.service.audit.trails import meddle
from tests.service.test_problem_responses import check_problem
from tests.tiny_models import BENIGN, MELANOMA, picture, png


@dataclass(frozen=True)
class Guarded:
    client: httpx.Client
    infer: str
    audit: str

    def get(self, path: str = "/audit", key: str | None = None, **headers: str) -> httpx.Response:
        return self.client.get(path, headers={"X-API-Key": key or self.audit, **headers})

    def asked(self, count: int) -> None:
        for number in range(count):
            image = png(picture(MELANOMA if number % 2 else BENIGN, number))
            self.client.post("/classify", files={"file": image}, headers={"X-API-Key": self.infer})


@pytest.fixture(scope="module")
def guarded(pristine_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    state = tmp_path_factory.mktemp("state")
    file = KeyFile(state / "keys.json")
    infer, audit = file.add("ward 3", ["infer"]).text, file.add("revision", ["audit"]).text
    with running(pristine_store, state) as service:
        made = Guarded(service.client, infer, audit)
        made.asked(6)
        yield made


def test_only_the_scope_audit_reads_it(guarded: Guarded) -> None:
    check_problem(guarded.client.get("/audit"), 401, "unauthorized")
    for path in ("/audit", "/audit/head"):
        check_problem(guarded.get(path, key=guarded.infer), 403, "insufficient_scope")
    posted = guarded.client.post("/classify", files={"file": b""}, headers={"X-API-Key": guarded.audit})
    check_problem(posted, 403, "insufficient_scope")


def test_a_row_says_which_key_asked(guarded: Guarded) -> None:
    row = guarded.get("/audit?event=image&limit=1").json()["rows"][0]
    found = parsed(guarded.infer)
    assert found is not None
    assert (row["principal"], row["principal_name"]) == (found[0], "ward 3")
    assert len(guarded.get(f"/audit?key={found[0]}").json()["rows"]) == 6
    assert found[1] not in guarded.get().text


def test_filters(guarded: Guarded) -> None:
    def count(query: str) -> int:
        return len(guarded.get(f"/audit?event=image&{query}").json()["rows"])

    one = guarded.get("/audit?event=image").json()["rows"][2]
    assert count("decision=malignant") == count("decision=benign") == 3
    assert (count("version=1"), count("version=2"), count("model=classifier"), count("model=grader")) == (6, 0, 6, 0)
    assert (count("status=200"), count("status=422"), count("code=corrupt_image")) == (6, 0, 0)
    assert count(f"image_sha256={one['image_sha256']}") == count(f"request_id={one['request_id']}") == 1
    assert count(f"since={one['at']}") == 3
    assert count(f"until={one['at']}") == 3


@pytest.mark.parametrize(("limit", "pages"), [(4, 2), (3, 2), (6, 1)])
def test_pages_have_every_row_once(guarded: Guarded, limit: int, pages: int) -> None:
    seen, before, asked = [], "", 0
    while True:
        page = guarded.get(f"/audit?event=image&limit={limit}{before}").json()
        asked += 1
        seen += [row["sequence"] for row in page["rows"]]
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    assert asked == pages
    assert len(seen) == len(set(seen)) == 6
    assert seen == sorted(seen, reverse=True)


def test_csv_by_accept_or_by_format(guarded: Guarded) -> None:
    for answer in (guarded.get("/audit?event=image&limit=4", Accept="text/csv"),
                   guarded.get("/audit?event=image&limit=4&format=csv")):  # fmt: skip
        assert answer.headers["content-type"].startswith("text/csv")
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert len(rows) == 4
        assert float(rows[0]["probability"]) > 0.5
        link = answer.headers["link"]
        assert link.startswith("</audit?event=image&limit=4")
        assert link.endswith(f'before={rows[-1]["sequence"]}>; rel="next"')
    assert "link" not in guarded.get("/audit?event=image&format=csv").headers
    check_problem(guarded.get(Accept="image/png"), 406, "not_acceptable")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("decision=maybe", "invalid_parameter"), ("since=yesterday", "invalid_parameter"),
        ("until=0.5", "invalid_parameter"), ("since=0001-01-01T00:00:00%2B14:00", "invalid_parameter"),
        ("until=9999-12-31T23:59:59-14:00", "invalid_parameter"), ("since=0999-01-01T00:00:00Z", "invalid_parameter"),
        ("since=2026-11-26T00:00:00", "invalid_parameter"), ("limit=1001", "invalid_parameter"),
        ("request_id=a%00b", "invalid_parameter"), ("key=%00", "invalid_parameter"),
        ("code=%00", "invalid_parameter"), ("model=%00", "invalid_parameter"),
        ("image_sha256=X", "invalid_parameter"), ("patient=x", "unknown_parameter"),
        ("decision=benign&decision=malignant", "invalid_parameter"), ("limit=1&limit=1000", "invalid_parameter"),
    ],
)  # fmt: skip
def test_a_wrong_filter_is_refused_never_ignored(guarded: Guarded, query: str, code: str) -> None:
    check_problem(guarded.get(f"/audit?{query}"), 400, code)


def test_a_nul_in_a_filter_is_refused_also_where_postgresql_would(
    pristine_store: Path, tmp_path: Path, server: Postgres
) -> None:
    """It was 503 there, which says that the same request may succeed later."""
    with running(pristine_store, tmp_path, AUDIT_URL=emptied(server).libpq) as service:
        for name in ("request_id", "key", "code", "model"):
            problem = check_problem(service.client.get(f"/audit?{name}=a%00b"), 400, "invalid_parameter")
            assert problem["detail"] == f"{name}: it has a NUL."


def test_the_head_is_that_of_the_newest_row(guarded: Guarded) -> None:
    head = guarded.get("/audit/head").json()
    newest = guarded.get("/audit?limit=1").json()["rows"][0]
    assert (head["sequence"], head["hash"]) == (newest["sequence"], newest["hash"])


def test_a_row_that_somebody_wrote_into_is_told_and_not_shown(pristine_store: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with running(pristine_store, state) as service:
        assert service.client.post("/classify", files={"file": png(picture(MELANOMA))}).status_code == 200
        meddle(Address(f"sqlite:///{state / 'audit.db'}"), "UPDATE audit_entry SET probability = 9e999")
        problem = check_problem(service.client.get("/audit"), 503, "audit_unavailable")
        assert "Row 1 is not as it was written" in str(problem["detail"])
        assert "inf" in service.client.get("/audit?format=csv").text
