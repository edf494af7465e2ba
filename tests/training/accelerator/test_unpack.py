import json
from collections.abc import Callable
from pathlib import Path

import pytest

from training.accelerator.unpack import BadPack, unpack


def test_a_folder_without_a_pack(tmp_path: Path) -> None:
    with pytest.raises(BadPack, match=f"{tmp_path} holds no pack"):
        unpack(tmp_path)


def test_another_format(copied: Path) -> None:
    described = json.loads((copied / "pack.json").read_text())
    (copied / "pack.json").write_text(json.dumps({**described, "format": 1}))
    with pytest.raises(BadPack, match="is of format 1; this program reads 2"):
        unpack(copied)


@pytest.mark.parametrize("name", ["images-0.bin", "pack.npz"])
def test_a_part_that_did_not_come(copied: Path, name: str) -> None:
    (copied / name).unlink()
    with pytest.raises(BadPack, match=f"lacks {name}"):
        unpack(copied)


@pytest.mark.parametrize("name", ["images-0.bin", "pack.npz"])
@pytest.mark.parametrize("damage", [lambda stored: stored[:-1], lambda stored: stored[:-9] + b"?" + stored[-8:]])
def test_a_part_that_did_not_come_as_it_was(copied: Path, name: str, damage: Callable[[bytes], bytes]) -> None:
    """A picture with a byte that is another one may still be a picture: of something else."""
    (copied / name).write_bytes(damage((copied / name).read_bytes()))
    with pytest.raises(BadPack, match=f"has a {name} that is not the one which was packed"):
        unpack(copied)
