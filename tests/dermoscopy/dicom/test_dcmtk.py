"""Objects that another implementation has coded: DCMTK's, which many PACS are built on."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from dermoscopy.decode import decode
from tests.dermoscopy.dicom_files import grey, native, rgb, threefold

CODERS = {
    "rle": ("dcmcrle",),
    "jpeg-lossless": ("dcmcjpeg", "+e1"),
    "jpeg-lossless-by-any-prediction": ("dcmcjpeg", "+el", "+sv", "6"),
    "jpeg-ls": ("dcmcjpls",),
    "deflated": ("dcmconv", "+td"),
    "big-endian": ("dcmconv", "+tb"),
    "undefined-lengths": ("dcmconv", "+te", "-e"),
}
LOSSY = {"jpeg-baseline": ("dcmcjpeg", "+eb"), "jpeg-ls-near": ("dcmcjpls", "+en"), "rgb": ("dcmcjpeg", "+eb", "+cr")}


def coded(folder: Path, data: bytes, command: tuple[str, ...]) -> bytes:
    if shutil.which(command[0]) is None:
        pytest.skip(f"no {command[0]} (Debian: dcmtk): nobody else codes the object")
    (folder / "plain.dcm").write_bytes(data)
    subprocess.run([*command, folder / "plain.dcm", folder / "coded.dcm"], check=True, capture_output=True)
    return (folder / "coded.dcm").read_bytes()


@pytest.mark.parametrize("name", CODERS)
def test_what_dcmtk_codes_without_loss_is_shown_exactly(name: str, tmp_path: Path) -> None:
    data = coded(tmp_path, native(rgb()), CODERS[name])
    assert data != native(rgb())
    assert np.array_equal(np.asarray(decode(data).image), rgb())
    data = coded(tmp_path, native(grey(), "MONOCHROME2"), CODERS[name])
    assert np.array_equal(np.asarray(decode(data).image), threefold(grey()))


@pytest.mark.parametrize("name", LOSSY)
def test_what_dcmtk_codes_with_loss_is_near(name: str, tmp_path: Path) -> None:
    shown = np.asarray(decode(coded(tmp_path, native(rgb()), LOSSY[name])).image)
    assert np.abs(shown.astype(int) - rgb()).mean() < 4
