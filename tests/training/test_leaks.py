import csv
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tests.training.built import Data
from training.leaks import Leaks, find_leaks, write_leaks
from training.splits import Split


@pytest.fixture(scope="module")
def found(data: Data) -> Leaks:
    return find_leaks(data.table, data.split)


def _names(data: Data, rows: list[int]) -> set[str]:
    return {f"{data.table.images[row].source}/{data.table.images[row].path.stem}" for row in rows}


def test_every_planted_copy_is_found(found: Leaks, data: Data) -> None:
    groups = [_names(data, rows) for rows in found.groups]
    for pair in data.planted.copies:
        assert any(group.issuperset(pair) for group in groups), pair


def test_what_sources_share_is_counted_by_pictures(found: Leaks) -> None:
    assert found.between["ham10000", "melanoma10000"] >= 2
    assert found.between["melanoma10000", "melanoma10000"] >= 2
    assert ("melanoma10000", "ham10000") not in found.between


def test_a_source_s_own_test_split_is_looked_at(found: Leaks, data: Data) -> None:
    crossing = [_names(data, rows) for rows in found.own_splits]
    assert {"melanoma10000/melanoma_test0b", "melanoma10000/melanoma_of_test"} in crossing


def test_contradictions(found: Leaks, data: Data) -> None:
    contradicting = [_names(data, rows) for rows in found.contradictions]
    for pair in data.planted.contradicted:
        assert any(group.issuperset(pair) for group in contradicting), pair


def test_the_split_leaks_nothing_and_a_careless_one_is_caught(found: Leaks, data: Data) -> None:
    assert found.leaking == []
    roles = list(data.split.roles)
    copy, original = data.planted.held_out[0]
    roles[data.row(copy)] = "training"
    leaking = find_leaks(data.table, Split(roles)).leaking
    assert [{copy, original} <= _names(data, rows) for rows in leaking] == [True]


def test_a_mirrored_copy_of_what_is_held_out_is_told(found: Leaks, data: Data, tmp_path: Path) -> None:
    """As in a data set that somebody multiplied; of one that is held out itself nothing is said."""
    assert found.turned == []
    train, test, other = (data.split.roles.index(role) for role in ("training", "test", "external"))
    pixels = data.table.pixels.copy()
    pixels[train] = pixels[test][:, ::-1]
    pixels[other] = pixels[test][::-1]
    table = replace(data.table, pixels=pixels)
    again = find_leaks(table, data.split)
    # The two copies are turned copies of each other, too.
    assert sorted(again.turned) == sorted([sorted([train, test]), sorted([train, other])])
    text = write_leaks(again, table, data.split, tmp_path)
    assert "mirrored or turned copies of held-out ones: 2 (turned.png). The split does not know of them" in text
    assert (tmp_path / "turned.png").exists()


def test_the_report_has_text_table_and_sheets(found: Leaks, data: Data, tmp_path: Path) -> None:
    text = write_leaks(found, data.table, data.split, tmp_path)
    assert (tmp_path / "leaks.md").read_text() == text
    assert "held out at once, after the split: 0." in text
    assert f"Called malignant by one copy and benign by another: {len(found.contradictions)}" in text
    with (tmp_path / "leaks.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(map(len, found.groups))
    assert {row["split"] for row in rows} >= {"training", "removed"}
    with Image.open(tmp_path / "copies.png") as sheet:
        assert sheet.width >= 2 * 112
    assert (tmp_path / "contradictions.png").exists()
    assert not (tmp_path / "leaks.png").exists()
    assert "mirrored or turned copies of held-out ones: 0." in text


def test_files_that_are_the_same_are_said(data: Data, tmp_path: Path) -> None:
    found = find_leaks(data.table, data.split)
    assert found.identical == set()  # the planted copies are all encoded anew
