"""Connections to PostgreSQL: whoever writes the trail and whoever reads it have libpq itself take the address apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.audit.address import Address

DEFAULTS: Mapping[str, str] = {
    "connect_timeout": "3",
    # A server that vanishes says nothing; by the system's own settings whoever waits for it waits for two hours.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "5000",
}
"""Seconds and milliseconds, of libpq's parameters, where the address does not have them."""


def connect(address: Address, *, autocommit: bool = False, name: str = "melanoserve") -> Any:  # noqa: ANN401 - its own
    """A connection of psycopg's.

    Args:
        address: Of PostgreSQL. Several hosts, and all else that libpq knows, are libpq's to understand.
        autocommit: Whether transactions are begun by statements of ours alone.
        name: What the server calls whoever asks.
    """
    import psycopg  # noqa: PLC0415 - an extra
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415 - see above

    parameters: dict[str, Any] = {**DEFAULTS, "application_name": name, **conninfo_to_dict(address.libpq)}
    return psycopg.connect(autocommit=autocommit, **parameters)


def connect_writer(address: Address, patience: float) -> Any:  # noqa: ANN401 - see connect
    """A connection for what writes: what it commits is on the disk.

    Args:
        address: Of PostgreSQL.
        patience: Seconds after which a statement has failed.
    """
    connection = connect(address, autocommit=True, name="melanoserve-audit")
    try:
        # Not as libpq's `options`: these would take the place of those that the address or PGOPTIONS has, such as a
        # search_path, and other tables would be written than are read.
        connection.execute(
            f"SET statement_timeout = '{patience:.0f}s'; SET lock_timeout = '{patience:.0f}s';"
            # A server may be set to answer before a row is on its disk; here an answer means that it is.
            " SET synchronous_commit = on"
        )
    except BaseException:
        connection.close()
        raise
    return connection
