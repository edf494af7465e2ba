import errno
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.training.accelerator.packed import SHARES, Packed
from training.accelerator import pack as module
from training.accelerator.pack import Task, pack
from training.accelerator.recipe import Recipe
from training.accelerator.unpack import BadPack, unpack
from training.labels import as_mask
from training.sampling import buckets


def _used(packed: Packed) -> list[int]:
    return [row for row, role in enumerate(packed.split.roles) if role in ("training", "validation")]


def test_what_is_held_out_is_not_packed(packed: Packed) -> None:
    rows = _used(packed)
    assert packed.count == len(rows) < len(packed.table.images)
    assert packed.pack.masks.tolist() == as_mask([packed.table.labels[row] for row in rows]).tolist()
    difference = packed.pack.pixels.astype(int) - packed.table.pixels[rows].astype(int)
    assert packed.pack.pixels.shape == (len(rows), 56, 56, 3)
    assert np.abs(difference).mean(axis=(1, 2, 3)).max() < 8  # of a picture that is another one it would be 20 and more


def test_an_image_is_drawn_as_often_as_in_an_epoch_here(packed: Packed) -> None:
    (job,) = packed.pack.jobs
    place = {row: number for number, row in enumerate(_used(packed))}
    assert job.chance.sum() == pytest.approx(1)
    parts = buckets(packed.table, packed.split, tuple(SHARES))
    of_source = dict.fromkeys(SHARES, 0.0)
    for (source, _), rows in parts.items():
        chances = job.chance[[place[row] for row in rows]]
        assert chances.min() == pytest.approx(chances.max())
        of_source[source] += chances.sum()
    assert of_source == pytest.approx(SHARES)
    learned = {row for rows in parts.values() for row in rows}
    assert {row for row, number in place.items() if job.chance[number]} == learned


def test_validation_images_are_only_looked_at(packed: Packed) -> None:
    (job,) = packed.pack.jobs
    rows = np.array(_used(packed))[job.validation]
    assert {packed.split.roles[row] for row in rows} == {"validation"}
    assert not job.chance[job.validation].any()
    assert job.malignant.tolist() == [not packed.table.labels[row] & {"nv", "bkl", "df", "vasc"} for row in rows]


def test_a_job_says_where_it_comes_from(packed: Packed) -> None:
    (job,) = packed.pack.jobs
    assert job.described["split"] == packed.split.digest(packed.table)
    assert job.described["dataset"] == packed.split.contents(packed.table)
    assert job.described["base"] == "none"
    assert job.described["sources"] == ["ham10000:0.5", "isic2017:0.2", "melanoma10000:0.3"]
    assert Recipe(**job.recipe).batch == 8


def test_images_come_in_parts(packed: Packed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PART", 20_000)
    task = Task("one", packed.split, SHARES, Recipe(), {})
    pack(packed.table, [task, replace(task, name="two")], packed.pack.weights, tmp_path)
    sizes = [file.stat().st_size for file in sorted(tmp_path.glob("images-*.bin"), key=lambda file: len(file.name))]
    assert len(sizes) > 1
    assert max(sizes) == 20_000
    found = unpack(tmp_path)
    assert np.array_equal(found.pixels, packed.pack.pixels)
    assert [job.name for job in found.jobs] == ["one", "two"]
    assert all(np.array_equal(*pair) for pair in zip(found.weights, packed.pack.weights, strict=True))


def test_a_pack_that_is_written_anew_is_none_until_it_is_whole(
    copied: Path, packed: Packed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Labels of the one with pictures of the other would look like a pack."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left"):
        pack(packed.table, [Task("one", packed.split, SHARES, Recipe(), {})], packed.pack.weights, copied)
    with pytest.raises(BadPack, match="holds no pack"):
        unpack(copied)
