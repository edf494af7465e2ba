import os
from pathlib import Path

import pytest

from model_store.processors import available_processors, processor_flags

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
    (tmp_path / "cpu.max").write_text(f"{text}\n")
    assert available_processors(tmp_path) == expected


@pytest.mark.parametrize(
    ("quota", "expected"), [("-1", AFFINITY), ("50000", 1), ("100000", 1), (f"{AFFINITY * 4}00000", AFFINITY)]
)
def test_so_does_one_of_the_first_version_of_control_groups(tmp_path: Path, quota: str, expected: int) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert available_processors(tmp_path) == expected


@pytest.mark.parametrize(
    ("line", "folder", "files"),
    [
        ("0::/clinic.slice/melanoserve.service", "clinic.slice/melanoserve.service", {"cpu.max": "100000 100000"}),
        ("0::/clinic.slice/melanoserve.service", "clinic.slice", {"cpu.max": "100000 100000"}),
        ("4:cpu,cpuacct:/a/b", "cpu/a/b", {"cpu.cfs_quota_us": "100000", "cpu.cfs_period_us": "100000"}),
    ],
)
def test_so_does_that_of_a_unit_of_systemd_and_of_what_it_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, folder: str, files: dict[str, str]
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(8))
    own = tmp_path / "own"
    own.write_text(f"12:memory:/elsewhere\n{line}\n")
    (tmp_path / folder).mkdir(parents=True)
    for name, text in files.items():
        (tmp_path / folder / name).write_text(text)
    assert available_processors(tmp_path, own) == 1
    own.write_text("0::/another\n")
    assert available_processors(tmp_path, own) == 8


def test_without_a_control_group_it_is_the_affinity(tmp_path: Path) -> None:
    assert available_processors(tmp_path / "none") == AFFINITY


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx2 fma\n\nprocessor\t: 1\nflags\t\t: fpu\n", ["fpu", "avx2", "fma"]),
        ("processor\t: 0\nFeatures\t: fp asimd bf16\n", ["fp", "asimd", "bf16"]),
        ("processor\t: 0\n", []),
    ],
)
def test_the_instruction_sets_are_those_that_the_system_lists(tmp_path: Path, text: str, expected: list[str]) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    assert processor_flags(tmp_path / "cpuinfo") == expected


def test_a_system_that_lists_none_has_none(tmp_path: Path) -> None:
    assert processor_flags(tmp_path / "none") == []
