import pytest

from gateway.problems import Fault, Refused, Trouble, TryAgain, check_status


@pytest.mark.parametrize("status", [None, 0, 0x0111, 0xB000, 0xB007])
def test_what_counts_as_stored(status: int | None) -> None:
    check_status(status)


@pytest.mark.parametrize(("status", "code"), [(0xA700, "pacs_out_of_resources"), (0x0110, "pacs_processing_failure")])
def test_what_may_be_stored_later(status: int, code: str) -> None:
    with pytest.raises(TryAgain, match=code):
        check_status(status)


@pytest.mark.parametrize("status", [0x0122, 0xA900, 0xC000])
def test_what_will_never_be_stored(status: int) -> None:
    with pytest.raises(Refused, match=f"pacs_refused_{status:04x}"):
        check_status(status)


@pytest.mark.parametrize("status", [0x0110, 0xA700, 0xC000])
def test_only_a_failure_that_may_be_the_object_s_is_not_tried_for_ever(status: int) -> None:
    with pytest.raises(Trouble) as raised:
        check_status(status)
    assert isinstance(raised.value, Fault) == (status == 0x0110)
