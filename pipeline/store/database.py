"""Opens the store: SQLite in WAL mode by a path, PostgreSQL by a URL, migrated to today's schema.

An engine must not be carried over a fork; open a new one in the child.
"""

from __future__ import annotations

import pathlib
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import ArgumentError, OperationalError

from pipeline.errors import UsageError
from pipeline.store.migrations import migrate

# How long a writer waits for another one, in seconds. Transactions last milliseconds; ten seconds are never reached
# but by a writer that was stopped in the middle.
BUSY_S = 30


def open_database(place: str | pathlib.Path) -> Engine:
    """The store at `place`: a file path, or a URL such as `postgresql+psycopg://user@host/name`.

    Raises UsageError when it cannot be opened.
    """
    text = str(place).removeprefix("sqlite:///")
    if "://" in text:
        try:
            engine = create_engine(text, pool_pre_ping=True)
        except ArgumentError as err:
            raise UsageError(
                f"the store '{text}' is no database that is known ({err}): write a file path, or "
                "postgresql+psycopg://user@host/name."
            ) from err
        except ModuleNotFoundError as err:
            raise UsageError(
                f"the store '{text}' needs the driver '{err.name}': pip install 'saysdoes[postgres]'."
            ) from err
    else:
        path = pathlib.Path(text)
        if not path.parent.is_dir():
            raise UsageError(
                f"the store '{path}' cannot be made: the folder '{path.parent}' does not exist. Make it first."
            )
        engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_S, "check_same_thread": False})
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)
    try:
        migrate(engine)
    except OperationalError as err:
        raise UsageError(
            f"the store '{place}' cannot be opened ({err.orig}): check the path, the disk and the rights."
        ) from err
    return engine


def _on_connect(connection: Any, _record: object) -> None:
    """WAL lets readers read while one writes; FULL keeps the last commits through a loss of power."""
    # Python's driver begins transactions by itself, and too late; _on_begin does it.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_S * 1000}", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_begin(connection: Any) -> None:
    # Readers ask for AUTOCOMMIT; SQLAlchemy announces a beginning to them, too, and they must not lock writers out.
    if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
        return
    # IMMEDIATE: a transaction that begins with reading and goes on to write would fail when another one wrote between.
    # One that says beforehand that it only reads waits for nobody.
    only_reads = connection.get_execution_options().get("only_reads", False)
    connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")
