import os
from pathlib import Path

import pytest

from model_store.processors import available_processors

AFFINITY = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max 100000", AFFINITY),
        ("50000 100000", 1),  # half a processor is one thread
        ("100000 100000", 1),
        (f"{AFFINITY * 4}00000 100000", AFFINITY),
        ("nonsense", AFFINITY),
    ],
)
def test_a_containers_limit_counts(tmp_path: Path, text: str, expected: int) -> None:
    (tmp_path / "cpu.max").write_text(text)
    assert available_processors(tmp_path / "cpu.max") == expected


def test_without_a_control_group_it_is_the_affinity(tmp_path: Path) -> None:
    assert available_processors(tmp_path / "none") == AFFINITY
