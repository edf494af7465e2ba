import re

from service.fhir import codes
from tests.running_service import ROOT


def test_the_systems_are_names_of_their_own_and_the_document_has_the_one_of_the_codes() -> None:
    ours = [codes.MELANOSERVE, codes.SHA256, codes.REQUEST_ID, codes.SOFTWARE]
    assert len(set(ours)) == 4
    assert all(re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", system) for system in ours)
    assert codes.MELANOSERVE in (ROOT / "docs" / "fhir.md").read_text()
