from collections import Counter
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.training.built import Data
from training import fit, metrics
from training.cli import main
from training.labels import MALIGNANT
from training.outside import SOURCES, leave_out, measure_outside, table_of
from training.splits import Split


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "REPEATS", 30)


@pytest.fixture(scope="module", params=SOURCES)
def left(request: pytest.FixtureRequest, data: Data) -> tuple[str, Split]:
    return request.param, leave_out(data.table, request.param)


def test_only_the_source_that_is_left_out_is_tested_and_nothing_of_it_is_learned(
    left: tuple[str, Split], data: Data
) -> None:
    source, split = left
    counts = split.counts(data.table)
    assert counts[source]["test"] > 10
    assert counts[source]["training"] == counts[source]["validation"] == 0
    for other in set(SOURCES) - {source}:
        assert counts[other]["test"] == 0
        assert counts[other]["training"] > 10
    for other in ("fullres", "melanoma-severity"):  # take no part
        assert set(counts[other]) == {"removed"}


def test_no_lesion_is_learned_and_tested(left: tuple[str, Split], data: Data) -> None:
    by_role: dict[str, set[int]] = {"training": set(), "validation": set(), "test": set(), "removed": set()}
    for role, group in zip(left[1].roles, data.table.lesions.tolist(), strict=True):
        by_role[role].add(group)
    assert not by_role["test"] & (by_role["training"] | by_role["validation"])
    assert not by_role["training"] & by_role["validation"]


def test_copies_leave_training_but_for_the_source_that_is_made_of_the_others(data: Data) -> None:
    copy, original = data.planted.melanoma[0]  # melanoma10000 and ham10000
    assert leave_out(data.table, "ham10000").roles[data.row(original)] == "test"
    assert leave_out(data.table, "ham10000").roles[data.row(copy)] == "removed"
    assert leave_out(data.table, "melanoma10000").roles[data.row(copy)] == "removed"
    assert leave_out(data.table, "melanoma10000").roles[data.row(original)] in ("training", "validation")


def test_labels_that_contradict_are_not_used(left: tuple[str, Split], data: Data) -> None:
    assert all(label or role == "removed" for label, role in zip(data.table.labels, left[1].roles, strict=True))


def test_melanoma_stands_against_benign_and_other_malignancies_take_no_part(network: keras.Model, data: Data) -> None:
    split = leave_out(data.table, "ham10000")
    found = measure_outside(network, data.table, split, "ham10000")
    kinds = Counter(
        "other" if image.label <= MALIGNANT and "mel" not in image.label else "asked"
        for image, role in zip(data.table.images, split.roles, strict=True)
        if role == "test"
    )
    assert kinds["other"] > 10
    assert found.images == kinds["asked"]
    assert 0 < found.positives < found.images
    assert found.auc.low <= found.auc.value <= found.auc.high
    assert f"|ham10000|{found.images}|{found.positives}|" in table_of([found])


def _command(data: Data, folder: Path, *more: str) -> list[str]:
    return ["outside", *data.options, "--run", str(folder / "run"), *more]


def test_the_command_trains_asks_and_is_not_done_again(
    data: Data, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit, "Recipe", partial(fit.Recipe, warmup_steps=2))
    short = ["--phases", "44:2", "--epoch-size", "32", "--only", "isic2017"]
    arguments = _command(data, tmp_path, "--weights", str(weights), *short)
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "|isic2017|" in printed
    assert "Mean of 1: " in printed
    done = (tmp_path / "run" / "isic2017" / "outside.json").stat().st_mtime_ns
    assert main(arguments) == 0
    assert capsys.readouterr().out == printed
    assert (tmp_path / "run" / "isic2017" / "outside.json").stat().st_mtime_ns == done
    assert np.isfinite(float(printed.rpartition(": ")[2]))
    dataset = tmp_path / "run" / "isic2017" / "dataset.json"
    before = dataset.read_text()
    dataset.write_text(before.replace('"labels": "', '"labels": "0'))
    assert main(arguments) == 1
    assert "holds a run with another dataset" in capsys.readouterr().err
    dataset.write_text(before)
    for other in (["--epoch-size", "96"], ["--option", "colour-constancy"]):
        assert main([*arguments, *other]) == 1
        assert "holds a run with another recipe" in capsys.readouterr().err


def test_a_source_that_takes_no_part(data: Data, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Told before the one that is named first takes its half hour."""
    assert main(_command(data, tmp_path, "--weights", "none", "--only", "ham10000", "fullres")) == 1
    assert "fullres is none of melanoma10000, ham10000, isic2017, isic-acral" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
