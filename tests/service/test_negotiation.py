import pytest

from service.negotiation import _media_ranges, negotiate, ranked

JSON, FHIR, DICOM = "application/json", "application/fhir+json; fhirVersion=4.0", "application/dicom"


@pytest.mark.parametrize(
    "accept",
    ["", "*/*", "application/json", "application/*", "text/html, application/json;q=0.1", "text/html,*/*;q=0.8",
     "application/json, */*;q=0", "APPLICATION/JSON", "application/json;charset=utf-8", " application/json ; q=1.000",
     "*/*;q=0.1, application/json;q=0.001"],
)  # fmt: skip
def test_accept_headers_that_allow_json(accept: str) -> None:
    assert negotiate(accept, [JSON]) == 0


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        # What java.net.HttpURLConnection sends unless it is told otherwise, up to Java 17 and since.
        ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", JSON),
        ("text/html, image/gif, image/jpeg, */*; q=0.2", JSON),
        ("application/json;q=.25, application/dicom;q=0.3333", DICOM),
        ("application/json;q=0., application/dicom;q=1.0000", DICOM),
    ],
)
def test_weights_that_programs_write_as_the_standard_does_not_are_understood(accept: str, chosen: str) -> None:
    offered = [JSON, DICOM]
    index = negotiate(accept, offered)
    assert index is not None
    assert offered[index] == chosen


@pytest.mark.parametrize(
    "accept",
    ["text/html", "image/*", "application/json;q=0", "application/json;q=0, */*", "*/*;q=0", "*/*;q=much", "*/*;q=nan",
     "*/*;q=-1", "*/*;q=2", "*/*;q=.", "*/*;q=1.1", "*/*;q=.5.5", "*/*;q=1e0", "json", "application", ",", "*", "/",
     ";q=1", "application/json;q=0.0000"],
)  # fmt: skip
def test_accept_headers_that_exclude_json(accept: str) -> None:
    assert negotiate(accept, [JSON]) is None


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("*/*", JSON),
        ("application/dicom, application/fhir+json, application/json", JSON),
        ("application/dicom, application/fhir+json", FHIR),
        ("application/fhir+json", FHIR),
        ("application/json;q=0.5, application/fhir+json", FHIR),
        ("application/json, application/fhir+json;q=0.9", JSON),
        ("application/fhir+json;q=0.2, application/dicom;q=0.3, text/html", DICOM),
        ("application/json;q=0, */*;q=0.1", FHIR),
        ("application/*;q=0.5, application/json;q=0.4", FHIR),
        ("*/*, application/*;q=0.1, application/dicom;q=0.2", DICOM),
        ("application/fhir+json; fhirVersion=4.0", FHIR),
        ('application/fhir+json; fhirversion="4.0"; charset=UTF-8', FHIR),
        ("application/fhir+json; fhirVersion=5.0", None),
        ("application/fhir+json; fhirVersion=5.0, application/json;q=0.1", JSON),
        ("application/fhir+json; fhirVersion=4.0;q=0, application/fhir+json, application/dicom;q=0.1", DICOM),
        ("application/fhir+xml, text/csv", None),
    ],
)
def test_the_highest_weight_of_the_closest_range_wins_and_of_several_the_first(accept: str, chosen: str | None) -> None:
    offered = [JSON, FHIR, DICOM]
    index = negotiate(accept, offered)
    assert (None if index is None else offered[index]) == chosen


@pytest.mark.parametrize(
    ("accept", "order"),
    [
        ("", [JSON, FHIR, DICOM]),
        ("*/*", [JSON, FHIR, DICOM]),
        ("application/dicom, application/json;q=0.1", [DICOM, JSON]),
        ("application/dicom;q=0.5, application/fhir+json;q=0.5, application/json;q=0", [FHIR, DICOM]),
        ("text/html", []),
    ],
)
def test_what_comes_next_where_the_best_cannot_be(accept: str, order: list[str]) -> None:
    offered = [JSON, FHIR, DICOM]
    assert [offered[index] for index in ranked(accept, offered)] == order


def test_of_a_header_without_end_the_beginning_counts() -> None:
    assert negotiate("text/html;q=0.9," * 99 + JSON, [JSON]) == 0
    assert negotiate("text/html;q=0.9," * 100 + JSON, [JSON]) is None
    assert negotiate(f"{JSON};" + "a=b;" * 60_000, [JSON]) == 0
    for header in ("," * 60_000, ";" * 60_000, "a/b;c=d," * 8_000):
        assert len(_media_ranges(header)) <= 100
        assert all(len(one.parameters) <= 10 for one in _media_ranges(header))
