import csv
import math
from pathlib import Path

import pytest

from benchmarks.samples import LOST, Samples, percentile


def _samples() -> Samples:
    samples = Samples()
    samples.add(due=10.0, sent=10.0, done=10.5, status=200)
    samples.add(due=11.0, sent=11.25, done=12.0, status=200)
    samples.add(due=12.0, sent=12.0, done=12.01, status=503, retry_after=True)
    samples.add(due=13.0, sent=13.0, done=14.0, status=LOST)
    return samples


def test_time_counts_from_when_a_request_was_due() -> None:
    samples = _samples()
    assert samples.seconds(200) == pytest.approx([0.5, 1.0])
    assert samples.seconds() == pytest.approx([0.5, 1.0, 0.01, 1.0])
    assert samples.lag == pytest.approx([0.0, 0.25, 0.0, 0.0])


def test_what_became_of_them_is_counted() -> None:
    samples = _samples()
    assert samples.counts() == {200: 2, 503: 1, LOST: 1}
    assert samples.retry_after.sum() == 1
    assert len(samples) == 4


def test_only_answers_make_a_rate() -> None:
    samples = _samples()
    assert samples.rate() == pytest.approx(2 / (12.0 - 10.0))
    assert samples.rate_between(11.0, 13.0) == pytest.approx(1 / 2)
    assert Samples().rate() == 0


def test_samples_are_joined() -> None:
    joined = Samples.joined([_samples(), Samples(), _samples()])
    assert joined.counts() == {200: 4, 503: 2, LOST: 2}
    assert joined.seconds(503) == pytest.approx([0.01, 0.01])


def test_a_percentile_of_nothing_is_no_number() -> None:
    assert math.isnan(percentile([], 99))
    assert percentile([1.0, 2.0, 3.0], 50) == 2.0


def test_every_request_is_a_line(tmp_path: Path) -> None:
    _samples().write_csv(tmp_path / "samples.csv")
    with (tmp_path / "samples.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == ["200", "200", "503", "lost"]
    assert rows[1] == {"due": "1.0000", "lag": "0.2500", "seconds": "1.0000", "status": "200", "retry_after": "0"}
