import hashlib
import pickle
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.training.accelerator.torch_names import state_of
from training.accelerator.efficientnet_lite import LITES, EfficientNetLite
from training.accelerator.stored import BadWeights
from training.accelerator.teacher_weights import folded, main, variant_of
from training.accelerator.teachers import read_teacher, shapes


class _Tensor:
    def __init__(self, values: Any) -> None:
        self.values = values

    def numpy(self) -> Any:
        return self.values


def _pretend(monkeypatch: pytest.MonkeyPatch, outcome: Any) -> None:
    """PyTorch, of which any file holds this, or which makes of any file this error."""

    def load(file: Path, *, map_location: str, weights_only: bool) -> Any:
        assert file.is_file()
        assert (map_location, weights_only) == ("cpu", True)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(load=load))


@pytest.mark.parametrize("lite", LITES, ids=lambda lite: lite.name)
def test_the_shapes_say_which_it_is(lite: EfficientNetLite) -> None:
    state = state_of(lite)
    assert variant_of(state) == lite
    assert [values.shape for values in folded(state, lite)] == shapes(lite)
    with pytest.raises(BadWeights, match="the weights of none of efficientnet-lite0, efficientnet-lite1"):
        variant_of({name: values for name, values in state.items() if "_conv_head" not in name})


@pytest.mark.parametrize(
    ("name", "norm", "place"),
    [("_conv_stem", "_bn0", 0), ("_blocks.1._depthwise_conv", "_blocks.1._bn1", 8), ("_conv_head", "_bn1", -4)],
)
def test_folded_is_convolved_and_normalised(name: str, norm: str, place: int) -> None:
    """For one position of the kernel: what it sees, times the kernel, then normalised."""
    state = state_of(LITES[0])
    kernel, bias = folded(state, LITES[0])[place : place + 2]
    before = state[f"{name}.weight"].astype(np.float64)
    gamma, beta, mean, variance = (
        state[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
    )
    seen = np.random.default_rng(1).normal(0, 1, before.shape[1:])
    expected = (np.einsum("oihw,ihw->o", before, seen) - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    if "depthwise" in name:
        found = np.einsum("hwco,ohw->c", kernel, seen) + bias
    else:
        found = np.einsum("hwio,ihw->o", kernel, seen) + bias
    assert found == pytest.approx(expected, abs=1e-5)


def test_the_head_knows_nothing() -> None:
    *_, kernel, bias = folded(state_of(LITES[0]), LITES[0])
    assert kernel.shape == (1280, 7)
    assert not kernel.any()
    assert bias.tolist() == [0] * 7


@pytest.mark.parametrize(("option", "error"), [([], 0), (["--float16"], 2e-3)])
def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: list[str], error: float) -> None:
    state = state_of(LITES[0])
    _pretend(monkeypatch, {name: _Tensor(values) for name, values in state.items()})
    model, out = tmp_path / "lite0.pth", tmp_path / "made" / "lite0.npz"
    model.write_bytes(b"as published")
    assert main([str(model), str(out), *option]) == 0
    teacher = read_teacher(out)
    assert teacher.features == LITES[0]
    digest = hashlib.sha256(b"as published").hexdigest()
    assert teacher.described == f"efficientnet-lite0: lite0.pth (sha256 {digest})"
    pairs = zip(teacher.start, folded(state, LITES[0]), strict=True)
    assert all(np.allclose(found, expected, rtol=error, atol=error) for found, expected in pairs)


def test_without_pytorch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main([str(tmp_path / "a.pth"), str(tmp_path / "a.npz")]) == 1
    assert capsys.readouterr().err == "error: PyTorch is not installed, which reads such files: install torch first\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("outcome", [pickle.UnpicklingError("x"), RuntimeError("x"), EOFError(), {"epoch": 3}, [1]])
def test_another_file(
    outcome: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _pretend(monkeypatch, outcome)
    (tmp_path / "a.pth").write_bytes(b"something")
    assert main([str(tmp_path / "a.pth"), str(tmp_path / "a.npz")]) == 1
    assert capsys.readouterr().err == f"error: {tmp_path / 'a.pth'} is no state dictionary that PyTorch saved\n"


def test_a_state_that_lacks_something() -> None:
    state = state_of(LITES[0])
    del state["_blocks.3._bn1.bias"]
    with pytest.raises(BadWeights, match=r"the file lacks '_blocks\.3\._bn1\.bias'"):
        folded(state, LITES[0])
