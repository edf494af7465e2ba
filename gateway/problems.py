"""What can go wrong with one step of an item.

Trouble
  x TryAgain     the same may go well later: a connection, a full disk, a key that expired
      x Fault    so it is said, but it may as well be the object: it is not tried for ever
      x Away     so it is of every object: nobody was reached
  x Refused      it is about this object and stays so
"""

from __future__ import annotations


class Trouble(Exception):
    """Base of all; `code` names what went wrong and quotes nothing."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class TryAgain(Trouble):
    """Later; `seconds` is the wait that was asked for, if it was."""

    def __init__(self, code: str, seconds: float | None = None) -> None:
        super().__init__(code)
        self.seconds = seconds


class Fault(TryAgain):
    """The other side failed over this object."""


class Away(TryAgain):
    """The other side was not even reached, which says nothing of this object."""


class Refused(Trouble):
    """Never; `reason` is the DICOM status or failure reason, if there is one."""

    def __init__(self, code: str, reason: int | None = None) -> None:
        super().__init__(code if reason is None else f"{code}_{reason:04x}")
        self.reason = reason


PROCESSING_FAILURE = 0x0110
DUPLICATE = 0x0111
"""The report is there already: it was sent before the gateway was killed."""

OF_THE_SETUP = {0x0122: "pacs_takes_no_reports", 0x0124: "pacs_not_authorized"}
"""What the PACS refuses all reports with, until somebody allows them there (PS3.7 annex C)."""


def check_status(status: int | None) -> None:
    """Raises what the PACS says of a report by C-STORE status or STOW-RS failure reason, which have the same values.

    Args:
        status: None for success; warnings (0xBxxx) are success too (PS3.4 B.2.3, PS3.18 table I.2-2).

    Raises:
        TryAgain, Refused: The PACS has not stored it.
    """
    if status in {None, 0, DUPLICATE} or status & 0xF000 == 0xB000:
        return
    if status & 0xFF00 == 0xA700:
        raise TryAgain("pacs_out_of_resources")
    if status in OF_THE_SETUP:
        raise TryAgain(OF_THE_SETUP[status])
    if status == PROCESSING_FAILURE:
        raise Fault("pacs_processing_failure")
    raise Refused("pacs_refused", status)
