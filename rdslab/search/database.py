"""Opening the database of studies: SQLite or another that SQLAlchemy speaks to, with errors in words.

SQLite keeps its journal ahead of the file (WAL) where the disk is local; machines that share a folder cannot. Then only
the ledger waits until the disk has what it wrote, and with it all that Optuna wrote before: a proposal is dozens of
small transactions. What a power cut takes from Optuna after that, `close_stale_trials` tells it again.
"""

import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from rdslab.errors import RunError, SpecError
from rdslab.search.tables import tables

PATIENCE_S, POLL_S = 600.0, 1.0  # a server may take that long to come back
SHARED = ("nfs", "cifs", "smb", "afs", "ceph", "lustre", "gpfs", "beegfs", "gluster", "9p", "virtiofs", "fuse.")


class DatabaseLost(RunError):
    """The server does not answer; what was being written is not, and can be written again."""


def driven(url: str) -> str:
    """The address with the driver that the extra `cluster` brings, where a PostgreSQL address names none."""
    scheme, divider, rest = url.partition("://")
    return f"postgresql+psycopg{divider}{rest}" if scheme in ("postgresql", "postgres") else url


def is_lost(error: BaseException, url: str) -> bool:
    """Whether an error, ours, SQLAlchemy's or Optuna's, says that a server is away. A file cannot be."""
    seen: BaseException | None = error
    while seen is not None and not url.startswith("sqlite"):
        if isinstance(seen, DatabaseLost | sa.exc.OperationalError | sa.exc.InterfaceError):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def wait_until_back(engine: sa.Engine, sleep: Callable[[float], object] = time.sleep) -> None:
    """Return as soon as the server answers. Raises DatabaseLost when it stays away."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql("SELECT 1")
            return
        except sa.exc.DatabaseError as error:
            if time.monotonic() > until:
                what = f"the database did not come back within {PATIENCE_S / 60:.0f} minutes: {error.orig}"
                raise DatabaseLost(what, where=shown(str(engine.url))) from None
            sleep(POLL_S)


def connect(url: str) -> sa.Engine:
    """The database with our tables in it. Raises SpecError for a wrong address, RunError where it cannot be opened."""
    try:
        file = Path(sa.make_url(url).database or ".") if url.startswith("sqlite:///") else None
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(driven(url), **engine_options(url))
        if url.startswith("sqlite"):
            sa.event.listen(engine, "connect", _plain_sqlite)
            sa.event.listen(engine, "begin", _begin_immediate)
        tables.create_all(engine)
        if file is not None:
            _keep_journal(engine, file)
    except sa.exc.ArgumentError:
        raise SpecError(
            f"{url!r} is no database address", "write it like sqlite:///study.db", where="--storage"
        ) from None
    except (sa.exc.DatabaseError, sa.exc.NoSuchModuleError, ImportError) as error:
        reason = getattr(error, "orig", None) or error
        hint = "it may be damaged, missing, or of another program"
        if isinstance(error, ImportError):
            hint = "PostgreSQL needs a driver: pip install 'rdslab[cluster]'"
        raise RunError(f"cannot open the database: {reason}", hint, where=shown(url)) from None
    return engine


class Unhurried(sqlite3.Connection):
    """A connection whose transactions are on the disk with the next one that waits for it, where that is safe."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.execute("PRAGMA journal_mode").fetchone() == ("wal",):
            self.execute("PRAGMA synchronous = NORMAL")


def engine_options(url: str, *, optuna: bool = False) -> dict[str, Any]:
    """A file is waited for, and a server's connection is tried before it is used."""
    if not url.startswith("sqlite"):
        return {"pool_pre_ping": True}
    return {"connect_args": {"timeout": 60, **({"factory": Unhurried} if optuna else {})}}


def is_shared(folder: Path, parts: Iterable[Any]) -> bool:
    """Whether a folder lies on a file system of another machine. `parts`: device, mount point and type, by psutil."""
    inside = [part for part in parts if folder.is_relative_to(part.mountpoint)]
    kind = max(inside, key=lambda part: len(part.mountpoint)).fstype if inside else ""
    return kind.lower().startswith(SHARED)


def enter_once(c: sa.Connection, table: sa.Table, **values: Any) -> None:
    """A row, unless there is one with its key: other workers may enter the same at the same time."""
    c.execute(_insert(c, table).values(**values).on_conflict_do_nothing())


def replace(c: sa.Connection, table: sa.Table, key: Mapping[str, Any], **values: Any) -> None:
    """A row, in place of the one with its key."""
    c.execute(_insert(c, table).values(**key, **values).on_conflict_do_update(index_elements=list(key), set_=values))


def _insert(c: sa.Connection, table: sa.Table) -> Any:
    """SQLAlchemy has no word of its own for what both of these databases can do."""
    return (postgresql if c.dialect.name == "postgresql" else sqlite).insert(table)


def shown(url: str) -> str:
    """The address as it may be printed: without a password."""
    return sa.make_url(url).render_as_string(hide_password=True)


def _keep_journal(engine: sa.Engine, file: Path) -> None:
    """Ahead of the file, or beside it; the file remembers which. One that others use just now stays as it is."""
    shared = is_shared(file.parent.resolve(), psutil.disk_partitions(all=True))
    with suppress(sqlite3.OperationalError), closing(engine.raw_connection()) as connection:
        connection.cursor().execute(f"PRAGMA journal_mode = {'DELETE' if shared else 'WAL'}")


def _plain_sqlite(connection: Any, record: Any) -> None:  # noqa: ARG001
    connection.isolation_level = None  # SQLAlchemy's BEGIN below is the only one


def _begin_immediate(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
