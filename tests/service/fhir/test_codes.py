import re
from collections.abc import Iterator
from typing import Any

from service.ajcc import Pathology
from service.fhir import codes
from service.fhir.bundle import bundle_of
from tests.running_service import ROOT
from tests.service.fhir.samples import ANSWERS, CLASSIFIED, NOW, bundle


def test_the_systems_are_names_of_their_own_and_the_document_has_the_one_of_the_codes() -> None:
    ours = [codes.MELANOSERVE, codes.SHA256, codes.REQUEST_ID, codes.STATEMENT, codes.SOFTWARE]
    assert len(set(ours)) == 5
    assert all(re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", system) for system in ours)
    assert codes.MELANOSERVE in (ROOT / "docs" / "fhir.md").read_text()


def _codings(found: Any) -> Iterator[dict[str, str]]:
    """Every coding in a resource."""
    if isinstance(found, list):
        for one in found:
            yield from _codings(one)
    elif isinstance(found, dict):
        if "system" in found and "code" in found:
            yield found
        for one in found.values():
            yield from _codings(one)


def test_a_code_is_called_the_same_wherever_it_stands() -> None:
    benign = CLASSIFIED.model_copy(update={"decision": "benign"})
    displays: dict[tuple[str, str], set[str]] = {}
    for whole in (*(bundle(name) for name in ANSWERS), bundle_of(benign, Pathology(), NOW)):
        for coding in _codings(whole):
            if "display" in coding:
                displays.setdefault((coding["system"], coding["code"]), set()).add(coding["display"])
    assert (codes.MELANOSERVE, "benign") in displays
    assert [named for named in displays.items() if len(named[1]) > 1] == []
