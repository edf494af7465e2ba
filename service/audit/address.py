"""Where the audit trail is: `sqlite:///PATH` or `postgresql://HOST/NAME`, without a password."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

MIGRATIONS = Path(__file__).parent / "migrations"

FILE = "audit.db"
"""In the state folder, where no address is given."""

FORMS = "sqlite:///PATH or postgresql://USER@HOST/NAME"

_SECRET = {"password", "sslpassword"}

_POSTGRESQL = ("postgresql", "postgresql+psycopg", "postgres")


class WrongAddress(ValueError):
    """It cannot be used. The text does not repeat it: it may hold a password."""


class Address:
    """Where the trail is kept."""

    def __init__(self, url: str) -> None:
        """Takes the address apart.

        Raises:
            WrongAddress: It has another form, or a password in it.
        """
        scheme, separator, rest = url.partition("://")
        self.file: Path | None = None
        """Of SQLite; None of PostgreSQL."""
        if separator and scheme == "sqlite" and rest.startswith("/") and len(rest) > 1 and "?" not in rest:
            self.file = Path(rest[1:])
            if str(self.file).startswith((":", "file:")):
                # `:memory:` would be a trail that ends with the process, and `file:` may say so, too.
                raise WrongAddress("the audit trail must be in a file")
            self.sqlalchemy = url
        elif separator and scheme in _POSTGRESQL and rest:
            _refuse_password(url)
            self.libpq = f"postgresql://{rest}"
            self.sqlalchemy = "postgresql+psycopg://"  # the driver; it is `libpq` that says where
        else:
            raise WrongAddress(f"give {FORMS}")

    def __str__(self) -> str:
        """What may be shown."""
        return str(self.file) if self.file is not None else "PostgreSQL"


def address_of(url: str | None, state: Path) -> Address:
    """The address that is configured, or that of the file in the state folder.

    Raises:
        WrongAddress: It cannot be used.
    """
    return Address(url if url is not None else f"sqlite:///{state / FILE}")


def _refuse_password(url: str) -> None:
    """A setting may be given as an option of the command line, which everybody on the machine can read."""
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:
        raise WrongAddress(f"give {FORMS}") from None
    if password is not None or any(name in _SECRET for name, _ in parse_qsl(parts.query)):
        raise WrongAddress("leave the password out of it: PGPASSWORD or the file that PGPASSFILE names has it")


def statements(revision: str) -> list[str]:
    """The statements that make the tables as a revision has them."""
    lines = (MIGRATIONS / f"{revision}.sql").read_text("utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.startswith("--"))
    return [statement.strip() for statement in text.split(";") if statement.strip()]
