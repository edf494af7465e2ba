from collections import Counter

import numpy as np
import pytest

from tests.training.built import Data
from training.sampling import buckets, chances, epoch_rows

SOURCES = ("ham10000", "isic2017", "melanoma10000")


def test_buckets_hold_the_training_images_and_only_those(data: Data) -> None:
    parts = buckets(data.table, data.split, SOURCES)
    rows = [row for part in parts.values() for row in part]
    training = [
        row
        for row, (image, role) in enumerate(zip(data.table.images, data.split.roles, strict=True))
        if role == "training" and image.source in SOURCES
    ]
    assert sorted(rows) == training


def test_buckets_go_by_what_the_label_says(data: Data) -> None:
    parts = buckets(data.table, data.split, SOURCES)
    assert set(parts) >= {
        ("ham10000", "melanoma"),
        ("ham10000", "other_malignant"),
        ("ham10000", "benign"),
        ("melanoma10000", "malignant"),
        ("melanoma10000", "benign"),
    }
    for (source, kind), rows in parts.items():
        for row in rows:
            assert data.table.images[row].source == source
            label = data.table.labels[row]
            assert (kind == "benign") == bool(label & {"nv", "bkl", "df", "vasc"})
            assert (kind == "other_malignant") == (label <= {"bcc", "akiec"})
    # A copy in HAM10000 says that this one is a melanoma.
    settled = [data.row(name) for name, _ in data.planted.melanoma if data.role(name) == "training"]
    assert all(row in parts["melanoma10000", "melanoma"] for row in settled)


def test_sources_and_classes_come_evenly() -> None:
    parts = {
        ("a", "benign"): list(range(1000)),
        ("a", "melanoma"): list(range(1000, 1010)),
        ("a", "other_malignant"): [1010],
        ("b", "benign"): [2000],
        ("b", "malignant"): list(range(3000, 3500)),
    }
    drawn = epoch_rows(parts, {"a": 3.0, "b": 1.0}, 40_000, seed=1, epoch=0)
    where = {row: key for key, rows in parts.items() for row in rows}
    shares = {key: count / 40_000 for key, count in Counter(where[row] for row in drawn.tolist()).items()}
    assert shares["a", "benign"] == pytest.approx(0.375, abs=0.01)
    assert shares["a", "melanoma"] == pytest.approx(0.1875, abs=0.01)
    assert shares["a", "other_malignant"] == pytest.approx(0.1875, abs=0.01)
    assert shares["b", "benign"] == pytest.approx(0.125, abs=0.01)
    assert shares["b", "malignant"] == pytest.approx(0.125, abs=0.01)


def test_a_source_with_one_side_alone_has_its_whole_share() -> None:
    keys = [("a", "benign"), ("b", "benign"), ("b", "malignant"), ("c", "melanoma"), ("c", "any")]
    found = chances({key: [row] for row, key in enumerate(keys)}, {"a": 2.0, "b": 1.0, "c": 1.0})
    assert found == pytest.approx({0: 0.5, 1: 0.125, 2: 0.125, 3: 0.125, 4: 0.125})


def test_inside_a_class_every_image_is_as_likely() -> None:
    drawn = epoch_rows({("a", "benign"): [7, 8], ("a", "melanoma"): [9]}, {"a": 1.0}, 10_000, seed=2, epoch=0)
    counts = Counter(drawn.tolist())
    assert counts[7] / counts[8] == pytest.approx(1, abs=0.1)
    assert counts[9] / (counts[7] + counts[8]) == pytest.approx(1, abs=0.1)


def test_the_draw_depends_on_seed_and_epoch_alone(data: Data) -> None:
    parts = buckets(data.table, data.split, SOURCES)
    weights = dict.fromkeys(SOURCES, 1.0)
    first = epoch_rows(parts, weights, 64, seed=5, epoch=3)
    np.random.default_rng().random(10)  # whatever happened between, as in a resumed run
    reordered = dict(reversed(parts.items()))
    assert (first == epoch_rows(reordered, weights, 64, seed=5, epoch=3)).all()
    assert first.shape == (64,)
    assert (first != epoch_rows(parts, weights, 64, seed=5, epoch=4)).any()
    assert (first != epoch_rows(parts, weights, 64, seed=6, epoch=3)).any()


def test_chances_are_those_of_the_draw(data: Data) -> None:
    parts, weights = buckets(data.table, data.split, SOURCES), {"ham10000": 0.5, "isic2017": 0.2, "melanoma10000": 0.3}
    found = chances(parts, weights)
    assert sum(found.values()) == pytest.approx(1)
    drawn = np.bincount(epoch_rows(parts, weights, 200_000, 1, 0), minlength=len(data.table.images)) / 200_000
    expected = np.array([found.get(row, 0.0) for row in range(len(drawn))])
    assert drawn == pytest.approx(expected, abs=0.002)
    assert drawn[expected == 0].sum() == 0
