import pytest

from service.places import LEAST, MOST, places_of, rounded


@pytest.mark.parametrize(
    ("probability", "threshold", "places"),
    [
        (None, 0.3, LEAST),
        (0.3, 0.3, LEAST),
        (0.5, 0.3, LEAST),
        (0.070413, 0.070414, LEAST),
        (0.07041351, 0.07041354, 8),
        (0.070413526, 0.07041353, 9),
        (0.3, 0.3 + 1e-15, MOST),
    ],
)
def test_they_read_the_same_only_where_they_are(probability: float | None, threshold: float, places: int) -> None:
    assert places_of(probability, threshold) == places
    if probability is not None and places < MOST:
        texts = {f"{one:.{places}f}" for one in (probability, threshold)}
        assert len(texts) == len({probability, threshold})


@pytest.mark.parametrize(
    ("share", "told"),
    [(0.5, "0.5000"), (0.0, "0.0000"), (1.0, "1.0000"), (0.00004, "less than 0.0001"), (0.00006, "0.0001"),
     (0.99996, "more than 0.9999"), (0.99994, "0.9999")],
)  # fmt: skip
def test_what_is_not_certain_does_not_read_so(share: float, told: str) -> None:
    assert rounded(share, 4) == told
