"""Opening the database of studies: SQLite or another that SQLAlchemy speaks to, with errors in words."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from rdslab.errors import RunError, SpecError
from rdslab.search.tables import tables


def connect(url: str) -> sa.Engine:
    """The database with our tables in it. Raises SpecError for a wrong address, RunError where it cannot be opened."""
    try:
        if url.startswith("sqlite:///"):
            Path(sa.make_url(url).database or ".").parent.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(url, connect_args={"timeout": 60} if url.startswith("sqlite") else {})
        if url.startswith("sqlite"):
            sa.event.listen(engine, "connect", _plain_sqlite)
            sa.event.listen(engine, "begin", _begin_immediate)
        tables.create_all(engine)
    except sa.exc.ArgumentError:
        raise SpecError(
            f"{url!r} is no database address", "write it like sqlite:///study.db", where="--storage"
        ) from None
    except (sa.exc.DatabaseError, sa.exc.NoSuchModuleError, ImportError) as error:
        reason = getattr(error, "orig", None) or error
        hint = "it may be damaged, missing, or of another program"
        raise RunError(f"cannot open the database: {reason}", hint, where=shown(url)) from None
    return engine


def shown(url: str) -> str:
    """The address as it may be printed: without a password."""
    return sa.make_url(url).render_as_string(hide_password=True)


def _plain_sqlite(connection: Any, record: Any) -> None:  # noqa: ARG001
    connection.isolation_level = None  # SQLAlchemy's BEGIN below is the only one


def _begin_immediate(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
