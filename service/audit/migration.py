"""How the tables of an older version of the software become those of this one (Alembic)."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from service.audit.address import MIGRATIONS, Address
from service.audit.database import LOCK_TABLES
from service.audit.tables import engine_of

VERSION_TABLE = "audit_schema"


def migrate(address: Address) -> None:
    """Brings the tables to the newest revision; one process at a time, the others find it done."""
    with engine_of(address).begin() as connection:
        if address.file is None:
            connection.exec_driver_sql(LOCK_TABLES)
        command.upgrade(config(connection), "head")


def config(connection: Connection | None = None) -> Config:
    """Alembic's configuration; there is no alembic.ini."""
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made
