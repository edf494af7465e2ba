from pathlib import Path

import pytest

from model_store.manifest import Measured
from training.paper.measure import Figures
from training.paper.result import FILE, Result, choose, load_result


def result(name: str, kind: str, auc: float) -> Result:
    figures = Figures(
        images=4, loss=0.5, metrics={"auc": Measured(value=auc, low=auc, high=auc)}, confusion=[[2, 0], [0, 2]]
    )
    return Result(
        name=name, title=name, kind=kind, side=64, processor_minutes=1, megabytes=2, milliseconds=3,
        figures={"validation": figures}, probability=[0.1, 0.9], history={"loss": [0.7, 0.5]},
    )  # fmt: skip


def test_what_is_saved_is_read_and_a_file_is_there_only_when_it_is_whole(tmp_path: Path) -> None:
    assert load_result(tmp_path) is None
    (tmp_path / f"{FILE}.partial").write_text("{")
    assert load_result(tmp_path) is None
    kept = result("mobilenet", "frozen", 0.9)
    kept.save(tmp_path)
    assert load_result(tmp_path) == kept
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("kind", ["scratch", "knn"])
def test_the_best_on_validation_is_chosen_and_never_what_nobody_would_ship(kind: str) -> None:
    others = [result("a", "frozen", 0.8), result("b", "svm", 0.9), result("c", "fine-tuned", 0.85)]
    chosen = choose([*others, result("d", kind, 0.99)])
    assert chosen is not None
    assert chosen.name == "b"
    assert choose([result("d", kind, 0.99)]) is None
