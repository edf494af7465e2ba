"""JPEG in DICOM: baseline and extended, whose colours must be beyond doubt, and lossless (T.81 annex H).

A lossy JPEG says by its markers whether it holds RGB or YCbCr, and a DICOM object says so too. Where one says RGB
and the other nothing, one of two pictures of quite different colours would come out: programs that take the JFIF
marker away are common, and so is software that then shows the wrong one without a word.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from dermoscopy.containers import jpeg
from dermoscopy.containers.container import Container
from dermoscopy.containers.restarts import MARKERS as RESTARTS
from dermoscopy.containers.restarts import Restarts, with_noise
from dermoscopy.dicom.elements import corrupt
from dermoscopy.dicom.header import Header
from dermoscopy.dicom.syntaxes import JPEG_LOSSLESS_FIRST
from dermoscopy.errors import ContradictoryColours, UnsupportedImageType
from dermoscopy.limits import Limits

_SOI = b"\xff\xd8"
_APP0, _APP14, _APP15, _COM, _SOS, _SOF3, _DRI = 0xE0, 0xEE, 0xEF, 0xFE, 0xDA, 0xC3, 0xDD
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass
class _Said:
    """What the markers of a JPEG say before its first scan."""

    identifiers: bytes = b""
    jfif: bool = False
    adobe: int | None = None

    @property
    def colours(self) -> Literal["RGB", "YCbCr"] | None:
        """As libjpeg reads them, but that it prefers JFIF to an Adobe marker that says something else."""
        by_adobe = None if self.adobe is None else "YCbCr" if self.adobe else "RGB"
        if self.jfif and by_adobe == "RGB":
            raise ContradictoryColours("The JPEG in the DICOM object says that it is YCbCr, and that it is RGB.")
        if self.jfif or by_adobe == "YCbCr":
            return "YCbCr"
        return "RGB" if by_adobe or self.identifiers == b"RGB" else None


def inspect_lossy(data: bytes, header: Header, limits: Limits) -> Container:
    """Check a baseline, extended or progressive JPEG, and that its colours are those of its object.

    Args:
        data: The frame.
        header: Of the object.
        limits: As for every picture.

    Raises:
        ContradictoryColours: The object says RGB and the JPEG nothing, or the JPEG RGB and the object YCbCr.
        ImageError: As listed in `dermoscopy.errors`.
    """
    container = jpeg.inspect(data, limits)
    said = _said(jpeg.segments(data))
    if (container.width, container.height) != (header.columns, header.rows):
        raise corrupt("the JPEG in it has another size")
    if len(said.identifiers) != header.samples or header.stored != 8:
        raise corrupt("the JPEG in it has other samples")
    if header.photometric not in {"MONOCHROME1", "MONOCHROME2", "RGB", "YBR_FULL", "YBR_FULL_422"}:
        raise corrupt("its photometric interpretation is none of a JPEG")
    if header.samples == 3:
        _check_colours(said, header.photometric)
    return container


def _check_colours(said: _Said, photometric: str) -> None:
    colours = said.colours
    if photometric == "RGB" and colours is None:
        raise ContradictoryColours(
            "The DICOM object calls its JPEG RGB, but the JPEG has no marker that says so: it may as well hold YCbCr."
        )
    if photometric != "RGB" and colours == "RGB":
        raise ContradictoryColours("The DICOM object calls its JPEG YCbCr, and the JPEG itself says that it is RGB.")


def _said(segments: Iterable[tuple[int, int, bytes]]) -> _Said:
    said = _Said()
    for marker, _, payload in segments:
        if marker == _SOS:
            break
        if marker in _FRAMES:
            said.identifiers = payload[6::3]
        elif marker == _APP0 and payload.startswith(b"JFIF\0") and len(payload) >= 14:
            said.jfif = True
        elif marker == _APP14 and payload.startswith(b"Adobe") and len(payload) >= 12:
            said.adobe = payload[11]
    return said


def inspect_lossless(data: bytes, header: Header) -> Container:
    """Check a lossless JPEG, and arrange it so that a cut is found and no colour changes.

    libjpeg fills what is missing with grey where there is a marker; where there is none, it asks for more, which Pillow
    reports. So it gets no end marker, and for restart markers there is a witness; data that is too long shows by what
    was not asked for (see `Container`).

    Args:
        data: The frame.
        header: Of the object, which decides what the samples mean.

    Raises:
        ImageError: As listed in `dermoscopy.errors`.
    """
    if not data.startswith(jpeg.MAGIC):
        raise corrupt("there is no JPEG in it")
    kept = [_SOI]
    scan: tuple[int, int] | None = None
    frame = b""
    interval = 0
    restarts = Restarts()
    for marker, offset, payload in jpeg.segments(data):
        if marker in RESTARTS:
            restarts.add(marker, offset)
        elif scan is not None:
            if marker != 0xD9:
                raise UnsupportedImageType("Lossless JPEGs in several scans are not read.")
            restarts.end(data, offset)
            scan = scan[0], offset
        elif marker in _FRAMES:
            _check_frame(marker, payload, header, twice=bool(frame))
            frame = payload
            kept.append(_segment(marker, payload[:6] + _renamed(payload[6:], 3)))
        elif marker == _SOS:
            _check_scan(payload, frame, header)
            kept.append(_segment(marker, payload[:1] + _renamed(payload[1:-3], 2) + payload[-3:]))
            restarts.begin(header.rows * header.columns, interval)
            scan = offset + 4 + len(payload), offset
        elif marker == _DRI and len(payload) == 2:
            interval = int.from_bytes(payload, "big")
            kept.append(_segment(marker, payload))
        elif not (_APP0 <= marker <= _APP15 or marker == _COM):
            kept.append(_segment(marker, payload))
    if scan is None:
        raise corrupt("there is no picture in its JPEG")
    coded = data[slice(*scan)]
    stream = b"".join([*kept, coded, jpeg.READ_AHEAD])
    witness = b"".join([*kept, with_noise(coded), jpeg.READ_AHEAD]) if restarts.count else None
    return Container("JPEG", "image/jpeg", header.columns, header.rows, stream, witness=witness, tail=jpeg.tail(coded))


def _check_frame(marker: int, payload: bytes, header: Header, *, twice: bool) -> None:
    if marker != _SOF3 or twice:
        raise corrupt("the JPEG in it is not lossless")
    if len(payload) != 6 + 3 * header.samples or payload[5] != header.samples:
        raise corrupt("the JPEG in it has other samples")
    rows, columns = int.from_bytes(payload[1:3], "big"), int.from_bytes(payload[3:5], "big")
    if (columns, rows) != (header.columns, header.rows):
        raise corrupt("the JPEG in it has another size")
    if payload[0] != 8 or header.stored != 8:
        raise UnsupportedImageType("Of lossless JPEGs in DICOM objects only those of 8 bits are read.")
    if set(payload[7::3]) != {0x11} or len(set(payload[6::3])) != header.samples:
        raise corrupt("the samples of its JPEG are not valid")


def _check_scan(payload: bytes, frame: bytes, header: Header) -> None:
    count = header.samples
    if len(payload) != 4 + 2 * count or payload[0] != count or payload[1:-3:2] != frame[6::3]:
        raise UnsupportedImageType("Lossless JPEGs in several scans are not read.")
    predictor, _, transform = payload[-3:]
    if not 1 <= predictor <= 7 or transform & 15 or (header.syntax == JPEG_LOSSLESS_FIRST and predictor != 1):
        raise corrupt("its JPEG is not of its transfer syntax")


def _renamed(components: bytes, size: int) -> bytes:
    """Components of the name R, G and B: by others libjpeg may guess that they are YCbCr, and convert them."""
    if len(components) != 3 * size:
        return components
    return b"".join(b"RGB"[at : at + 1] + components[at * size + 1 : (at + 1) * size] for at in range(3))


def _segment(marker: int, payload: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + (len(payload) + 2).to_bytes(2, "big") + payload
