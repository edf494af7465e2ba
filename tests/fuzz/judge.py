"""What one file does to the decoder, and whether that is one of the things that a file may do."""

from __future__ import annotations

import ctypes
import importlib
import traceback
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dermoscopy.decode import inspect
from dermoscopy.dicom.photograph import MEDIA_TYPE
from dermoscopy.errors import ImageError
from dermoscopy.limits import Limits
from dermoscopy.prepare import SIDE, Prepared
from tests.dermoscopy.files import CONTENT_TYPES

Decoder = Callable[[bytes], Prepared]

ACCEPTED = "accepted"
_LIMITS = Limits()
# mallopt's M_PERTURB: glibc fills what it hands out with the complement of this byte. See `judge`.
_PERTURB = -6
_LIBC = ctypes.CDLL(None)


@dataclass(frozen=True)
class Verdict:
    """What became of a file.

    Attributes:
        outcome: `accepted`, the code of an ImageError, or for a finding what kind of one it is.
        decoded: Whether it got past the inspection of its structure, to the decoding of pixels.
        finding: None, or what happened that must not.
    """

    outcome: str
    decoded: bool
    finding: str | None = None


def decoder(name: str) -> Decoder:
    """The function that `module:function` names."""
    module, _, function = name.partition(":")
    found: Decoder = getattr(importlib.import_module(module), function)
    return found


def _fill_memory_with(byte: int) -> None:
    _LIBC.mallopt(_PERTURB, byte)


def _passes_inspection(data: bytes) -> bool:
    try:
        inspect(data)
    except ImageError:
        return False
    return True


def _fault_of_refusal(error: ImageError) -> str | None:
    if error.code == ImageError.code or not (error.message.isascii() and error.message.endswith(".")):
        return f"a refusal without a class or a sentence: {error!r}"
    return (
        None if error.__cause__ is None else f"a refusal that carries the exception of a library: {error.__cause__!r}"
    )


def _fault_of_result(prepared: Prepared) -> str | None:
    pixels, size = prepared.pixels, (prepared.width, prepared.height)
    if pixels.shape != (SIDE, SIDE, 3) or pixels.dtype != np.uint8 or not pixels.flags.c_contiguous:
        return f"an array of {pixels.dtype}{list(pixels.shape)}"
    if min(size) < _LIMITS.min_side or size[0] * size[1] > _LIMITS.max_pixels:
        return f"a picture beyond the limits: {size}"
    return (
        None
        if prepared.media_type in {*CONTENT_TYPES.values(), MEDIA_TYPE}
        else f"a media type {prepared.media_type!r}"
    )


def judge(data: bytes, decode: Decoder) -> Verdict:
    """Decode a file, and a second time if it was accepted, to see whether it gives the same picture again.

    What `malloc` hands out holds other bytes the second time: a picture that takes in memory that was never written,
    which may hold the picture of another patient, does not come out the same.

    Args:
        data: The file.
        decode: Usually `dermoscopy.prepare.prepare`.
    """
    _fill_memory_with(0x55)
    try:
        first = decode(data)
    except ImageError as error:
        fault = _fault_of_refusal(error)
        return Verdict("refusal" if fault else error.code, _passes_inspection(data), fault)
    except MemoryError:
        return Verdict("memory", decoded=True, finding=traceback.format_exc())
    except Exception:  # noqa: BLE001 - whatever it is, it must not be
        return Verdict("exception", decoded=True, finding=traceback.format_exc())
    fault = _fault_of_result(first)
    if fault is not None:
        return Verdict("result", decoded=True, finding=fault)
    _fill_memory_with(0xAA)
    try:
        same = np.array_equal(first.pixels, decode(data).pixels)
    except Exception:  # noqa: BLE001 - as above
        return Verdict("unsteady", decoded=True, finding=f"refused the second time: {traceback.format_exc()}")
    return Verdict(ACCEPTED, True) if same else Verdict("unsteady", True, "another picture the second time")
