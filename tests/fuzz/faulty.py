"""Decoders that do what a decoder must not, to see that the fuzz notices."""

from __future__ import annotations

import os
import signal
import time
import warnings

import numpy as np

from dermoscopy.errors import CorruptImage, ImageError
from dermoscopy.prepare import SIDE, Prepared, prepare

_KEPT: list[bytes] = []


def fatal(data: bytes) -> Prepared:
    """Ends the process: a JPEG by a crash, a PNG by using the processor for ever, a TIFF by waiting for ever."""
    if data.startswith(b"\xff\xd8"):
        os.kill(os.getpid(), signal.SIGSEGV)
    while data.startswith(b"\x89PNG"):
        pass
    if data.startswith((b"II", b"MM")):
        time.sleep(600)
    return prepare(data)


def keeping(data: bytes) -> Prepared:
    """Keeps 300 kB of memory for every file."""
    _KEPT.append(os.urandom(300_000))
    return prepare(data)


def greedy(_: bytes) -> Prepared:
    """Takes more memory than there is for it."""
    raise CorruptImage(f"The image is damaged: {len(bytes(3_000_000_000))}.")


def raising(_: bytes) -> Prepared:
    """Lets the exception of a library out."""
    raise ValueError("palette index out of range")


def warning(_: bytes) -> Prepared:
    """Lets the warning of a library out."""
    warnings.warn("decompression bomb", RuntimeWarning, stacklevel=1)
    raise CorruptImage("The image is damaged.")


def untyped(_: bytes) -> Prepared:
    """Refuses without saying why."""
    raise ImageError("The image is damaged.")


def chained(_: bytes) -> Prepared:
    """Refuses with the exception of a library behind it, which may quote the file."""
    raise CorruptImage("The image is damaged.") from ValueError("Jane Doe")


def misshapen(_: bytes) -> Prepared:
    """An array that no model takes."""
    return Prepared(np.zeros((SIDE, SIDE), np.uint8), "image/png", 100, 100)


def beyond_limits(_: bytes) -> Prepared:
    """A picture that is smaller than any that may be accepted."""
    return Prepared(np.zeros((SIDE, SIDE, 3), np.uint8), "image/png", 100, 1)


def unwritten(_: bytes) -> Prepared:
    """A picture that nobody wrote, of whatever the memory held before."""
    return Prepared(np.empty((SIDE, SIDE, 3), np.uint8), "image/png", 100, 100)
