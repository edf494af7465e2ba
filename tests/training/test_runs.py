from pathlib import Path

import pytest

from training.runs import OtherRun, remember


def test_a_run_goes_on_with_what_it_was_started_with_and_with_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "run"
    remember(folder, recipe={"epochs": 2}, split={"digest": "a"})
    remember(folder, recipe={"epochs": 2}, split={"digest": "a"})
    with pytest.raises(OtherRun, match=r"holds a run with another split; name another folder with --run"):
        remember(folder, recipe={"epochs": 2}, split={"digest": "b"})
    with pytest.raises(OtherRun, match="another recipe"):
        remember(folder, recipe={"epochs": 3}, split={"digest": "a"})
    assert (folder / "split.json").read_text() == '{\n  "digest": "a"\n}\n'
