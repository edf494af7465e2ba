import re

import pytest

from gateway.problems import OF_THE_SETUP, Fault, Refused, Trouble, TryAgain, check_status
from gateway.receiver import REJECTED
from service.problems import catalogue
from tests.running_service import ROOT

DOCUMENT = (ROOT / "docs" / "gateway.md").read_text()


@pytest.mark.parametrize("status", [None, 0, 0x0111, 0xB000, 0xB007])
def test_what_counts_as_stored(status: int | None) -> None:
    check_status(status)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (0xA700, "pacs_out_of_resources"),
        (0x0110, "pacs_processing_failure"),
        (0x0122, "pacs_takes_no_reports"),
        (0x0124, "pacs_not_authorized"),
    ],
)
def test_what_may_be_stored_later(status: int, code: str) -> None:
    with pytest.raises(TryAgain, match=code):
        check_status(status)


@pytest.mark.parametrize("status", [0x0117, 0xA900, 0xC000])
def test_what_will_never_be_stored(status: int) -> None:
    with pytest.raises(Refused, match=f"pacs_refused_{status:04x}"):
        check_status(status)


@pytest.mark.parametrize("status", [0x0110, 0x0122, 0x0124, 0xA700, 0xC000])
def test_only_a_failure_that_may_be_the_object_s_is_not_tried_for_ever(status: int) -> None:
    with pytest.raises(Trouble) as raised:
        check_status(status)
    assert isinstance(raised.value, Fault) == (status == 0x0110)


def test_the_document_has_every_problem_that_the_gateway_can_name() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "gateway").glob("*.py"))
    raised = re.findall(
        r'(?:TryAgain|Fault|Refused|Away)\((?:"([a-z_]+)"|.*?"([a-z_]+)" if .*? else "([a-z_]+)")', sources
    )
    noted = re.findall(r'(?:trouble = |problem = |else |problem=|_refused\([A-Z_]+, )\(?"([a-z]+_[a-z_]+)"', sources)
    named = {code for codes in raised for code in codes if code} | {*noted, *OF_THE_SETUP.values(), *REJECTED.values()}
    named -= {"pacs_refused"}
    assert {"pacs_takes_no_reports", "pacs_no_association", "queue_full", "image_corrected", "no_photographs"} <= named
    assert [code for code in sorted(named) if f"`{code}`" not in DOCUMENT] == []


def test_the_document_names_problems_of_the_service_that_there_are() -> None:
    of_the_client = {"not_reachable", "unexpected_answer"}
    assert set(re.findall(r"`service_([a-z_]+[a-z])`", DOCUMENT)) <= {*catalogue(), *of_the_client}
