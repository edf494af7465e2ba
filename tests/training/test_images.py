import pytest

from training.images import recorded


@pytest.mark.parametrize("text", ["", " ", "nan", "NaN", "NA", "n/a", "None", "null", "Unknown "])
def test_a_cell_that_says_nothing(text: str) -> None:
    assert not recorded(text)


@pytest.mark.parametrize("text", ["0", "IL_1", "Nancy", "unknown primary"])
def test_a_cell_that_says_something(text: str) -> None:
    assert recorded(text)
