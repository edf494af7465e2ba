"""What the tests of the trail do to it."""

import threading
from dataclasses import dataclass, field

import pytest

from service.audit.address import Address
from service.audit.chain import Head, Verification
from service.audit.entry import Entry, stamp
from service.audit.query import Filter, Record, oldest, reading, verify_all
from service.audit.tables import engine_of


def entry(number: int = 0) -> Entry:
    """A row about an image, as no two are."""
    return Entry(
        stamp(), "image", request_id=f"r{number}", status=200, image_sha256=f"{number:064x}", probability=number / 7,
        threshold=0.06, decision="benign", width=1022, duration_ms=12.5, phases_ms='{"run":7.5}',
    )  # fmt: skip


def rows(address: Address) -> list[Record]:
    """All of them."""
    with reading(address) as connection:
        return list(oldest(connection, Filter()))


def verified(address: Address, *anchors: Head, known: int | None = None) -> Verification:
    """What a look at the whole chain finds."""
    with reading(address) as connection:
        return verify_all(connection, anchors, known)


def meddle(address: Address, *statements: str) -> None:
    """What somebody does who has the database and not the service."""
    with engine_of(address).begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def events(caplog: pytest.LogCaptureFixture, name: str) -> list[dict[str, object]]:
    """The fields of the events of one name that were logged."""
    return [vars(record)["fields"] for record in caplog.records if record.msg == name]


@dataclass
class Counted:
    """A meter."""

    rows: int = 0
    transactions: int = 0
    lost: int = 0
    failed: threading.Event = field(default_factory=threading.Event)

    def audited(self, rows: int, seconds: float, sequence: int) -> None:
        self.rows, self.transactions = self.rows + rows, self.transactions + 1

    def audit_failed(self) -> None:
        self.failed.set()

    def audit_lost(self, rows: int) -> None:
        self.lost += rows
