"""Whether what came out is what a document shows: the same, up to ids, times and another processor's arithmetic."""

from __future__ import annotations

import json
import re

import pytest

WITHIN = 0.03
"""How far a shown fraction may be from the real one: bf16 differs from f32 by less."""

VOLATILE = {"request_id", "precision"}
TOLD = {"caveat"}
"""Texts that repeat a probability; of all others a fraction must be the same."""

FRACTION = re.compile(r"\d+\.\d+(?![.\d])")


def check(shown: str, printed: str) -> None:
    """Compares JSON field by field, and other text as it stands: `...` stands for anything, a line of it for lines.

    Raises:
        AssertionError: They differ.
    """
    if shown.lstrip().startswith(("{", "[")):
        _same(json.loads(shown), json.loads(printed))
    else:
        _same_text(shown.strip(), printed.strip())


def _same(shown: object, real: object) -> None:
    if isinstance(shown, dict):
        assert isinstance(real, dict)
        assert shown.keys() == real.keys()
        for key in shown.keys() - VOLATILE:
            if key in TOLD and isinstance(shown[key], str) and isinstance(real[key], str):
                _same_text(shown[key], real[key])
            else:
                _same(shown[key], real[key])
    elif isinstance(shown, list):
        assert isinstance(real, list)
        assert len(shown) == len(real)
        for one, other in zip(shown, real, strict=True):
            _same(one, other)
    elif isinstance(shown, float):
        assert real == pytest.approx(shown, abs=WITHIN)
    else:
        assert shown == real


def _same_text(shown: str, printed: str) -> None:
    shown, printed = (re.sub(r"[ \t]+", " ", text) for text in (shown, printed))
    pattern = re.escape(FRACTION.sub("\0", shown)).replace("\0", r"(\d+\.\d+)").replace("\\\n", "\n")
    pattern = re.sub(r"\n\\.\\.\\.(?=\n|$)", r"(?:\\n.*)?", pattern).replace(r"\.\.\.", ".*")
    found = re.fullmatch(pattern.replace(r"\ ", " "), printed, re.DOTALL)
    assert found, f"shown:\n{shown}\nprinted:\n{printed}"
    for fraction, real in zip(FRACTION.findall(shown), found.groups(), strict=True):
        assert float(real) == pytest.approx(float(fraction), abs=WITHIN)
