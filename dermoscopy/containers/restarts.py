"""The restart markers of a JPEG (T.81 sections B.2.1 and E.1.4), between which each interval can be read by itself.

libjpeg fills the rest of an interval that is too short with grey, and everything behind a marker that it does not
expect. So the markers must be those that belong there, in their order, and a second stream with noise in front of each
(see `Container.witness`) shows whether an interval is short.
"""

from __future__ import annotations

from dermoscopy.errors import CorruptImage, UnsupportedImageType

MARKERS = range(0xD0, 0xD8)

# One for each block of 8x8 pixels in a picture of the usual limit is fewer. Millions fit into a progressive file, and
# cost seconds, and memory for the noise.
_MOST = 1_000_000
# Entropy-coded data without order, and without 0xff: enough that a block which is read from it is not a grey one.
_NOISE = bytes((k * 89 + 90) % 255 for k in range(16))


class Restarts:
    """The restart markers of a file, scan by scan.

    Attributes:
        count: How many there are in all scans so far.
    """

    def __init__(self) -> None:
        self.count = 0
        self._in_scan = self._expected = self._most = self._last = 0

    def begin(self, units: int, interval: int) -> None:
        """Begin a scan of so many units (MCU), with a restart after every `interval` of them; 0 is for none at all."""
        self._in_scan = 0
        self._expected = -(-units // interval) - 1 if interval else 0
        # One more, at the very end, is written by some encoders.
        self._most = self._expected + 1 if interval else 0

    def add(self, marker: int, offset: int) -> None:
        """Take note of the next marker of the scan.

        Raises:
            CorruptImage: There is one too many, or it is not the one that is due.
            UnsupportedImageType: There are far too many in the file.
        """
        if self._in_scan == self._most or marker != MARKERS[self._in_scan % len(MARKERS)]:
            raise _corrupt()
        if self.count == _MOST:
            raise UnsupportedImageType(f"JPEGs with more than {_MOST} restart markers are not read.")
        self.count += 1
        self._in_scan += 1
        self._last = offset

    def end(self, data: bytes, offset: int) -> None:
        """Check that the scan, which ends at `offset`, has all its markers, and one more only right there.

        Raises:
            CorruptImage: One is missing, or is where none should be.
        """
        extra = self._in_scan - self._expected
        if extra < 0 or (extra and data[self._last + 2 : offset].strip(b"\xff")):
            raise _corrupt()


def with_noise(coded: bytes) -> bytes:
    """Entropy-coded data with noise in front of each restart marker: no pixel changes unless an interval is short."""
    for marker in MARKERS:
        name = bytes([0xFF, marker])
        coded = coded.replace(name, _NOISE + name)
    # Where a fill byte stands before the marker, it would make one of the noise.
    return coded.replace(b"\xff" + _NOISE, b"\xff\0" + _NOISE)


def _corrupt() -> CorruptImage:
    return CorruptImage("The JPEG is damaged or incomplete: its restart markers are not those of its picture.")
