"""Engines: how the service connects to SQLite and to PostgreSQL, and what both promise alike."""

import sqlite3
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event

LOCK_TIMEOUT_SECONDS: Final = 5
"""How long a transaction waits for another writer, or a request for a connection."""

STATEMENT_TIMEOUT_SECONDS: Final = 10
"""How long PostgreSQL may work on one statement of a request."""

WRITES_OPTION: Final = "graph_writes"
"""Execution option of connections that will write; see :func:`open_engine`."""


def open_engine(url: URL) -> Engine:
    """Return the engine that serves requests; it connects on first use.

    On SQLite foreign keys hold, readers do not block the writer (write-ahead log), and a
    transaction marked with :data:`WRITES_OPTION` takes the write lock when it begins: taking it
    at the first write instead fails whenever somebody else has written in between.
    """
    if url.get_backend_name() == "sqlite":
        return _prepared(create_engine(url, hide_parameters=True))
    limits = (
        f"-c lock_timeout={LOCK_TIMEOUT_SECONDS}s"
        f" -c statement_timeout={STATEMENT_TIMEOUT_SECONDS}s"
    )
    return create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_size=10,
        max_overflow=10,
        pool_timeout=LOCK_TIMEOUT_SECONDS,
        connect_args={"connect_timeout": LOCK_TIMEOUT_SECONDS, "options": limits},
    )


def open_migration_engine(url: URL) -> Engine:
    """Return an engine for migrations: one connection, no limit on how long a statement works."""
    engine = create_engine(url, hide_parameters=True, poolclass=NullPool)
    if url.get_backend_name() == "sqlite":
        return _prepared(engine).execution_options(**{WRITES_OPTION: True})
    return engine


def _prepared(engine: Engine) -> Engine:
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver's own transactions begin late and leave DDL out; `_begin_sqlite` begins ours.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA busy_timeout = {LOCK_TIMEOUT_SECONDS * 1000}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES_OPTION, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
