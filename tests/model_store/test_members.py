import pytest

from model_store.members import check_members


def test_the_same_name_may_be_in_several_objects() -> None:
    check_members(b'{"a": {"b": 1, "c": [{"b": 2}, {"b": 3}]}, "b": 4}')


@pytest.mark.parametrize("data", [b'{"a": 1, "a": 1}', b'{"b": [{"a": 1, "c": 2, "a": 3}]}'])
def test_a_member_that_is_there_twice_is_named(data: bytes) -> None:
    with pytest.raises(ValueError, match="a is there twice"):
        check_members(data)
