import json
from pathlib import Path

import pytest

from training.accelerator.unpack import BadPack, unpack


def test_a_folder_without_a_pack(tmp_path: Path) -> None:
    with pytest.raises(BadPack, match=f"{tmp_path} holds no pack"):
        unpack(tmp_path)


def test_another_format(copied: Path) -> None:
    described = json.loads((copied / "pack.json").read_text())
    (copied / "pack.json").write_text(json.dumps({**described, "format": 2}))
    with pytest.raises(BadPack, match="is of format 2; this program reads 1"):
        unpack(copied)


def test_a_part_that_did_not_come(copied: Path) -> None:
    (copied / "images-0.bin").unlink()
    with pytest.raises(BadPack, match=r"lacks images-0\.bin"):
        unpack(copied)


def test_a_part_that_did_not_come_whole(copied: Path) -> None:
    stored = (copied / "images-0.bin").read_bytes()
    (copied / "images-0.bin").write_bytes(stored[:-1])
    with pytest.raises(BadPack, match=f"have {len(stored) - 1} bytes instead of {len(stored)}"):
        unpack(copied)
