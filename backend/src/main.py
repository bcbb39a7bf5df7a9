"""Composition root: the one place that knows every layer and wires them together."""

import json
import logging
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType
from typing import Final, Never

import uvicorn
from fastapi import FastAPI

from src.api.app import build_api
from src.api.dependencies import ImportPolicy
from src.services.importer import import_nodes, import_relations
from src.settings import Settings
from src.storage import schema
from src.storage.database import open_engine, open_migration_engine
from src.storage.store import SqlGraphStore

SEED_DIRECTORY: Final = Path(__file__).resolve().parents[1] / "data"
"""Where the seed data is: ``nodes.csv`` and ``relations.csv``."""

_log = logging.getLogger(__name__)


def create_app(settings: Settings) -> FastAPI:
    """Return the service as an ASGI application; it connects to the database on first use."""
    engine = open_engine(settings.database_url)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        engine.dispose()

    token = settings.import_token
    policy = ImportPolicy(
        token=token.get_secret_value() if token else None,
        bytes_max=settings.import_bytes_max,
        rows_max=settings.import_rows_max,
    )
    return build_api(
        SqlGraphStore(engine),
        import_policy=policy,
        cors_origins=settings.cors_origins,
        lifespan=lifespan,
    )


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, finish the requests in flight, and exit with 0."""
    # Uvicorn stops gracefully, then raises the signal again for the handler that was there before.
    # The default one would report an orderly stop as death by a signal.
    signal.signal(signal.SIGTERM, _exit)
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        timeout_graceful_shutdown=settings.graceful_shutdown_seconds,
        # The application logs requests itself, without query strings and with their ids.
        access_log=False,
        log_config=None,
        server_header=False,
    )


def migrate(settings: Settings) -> None:
    """Bring the database's schema up to date."""
    changed = schema.upgrade(open_migration_engine(settings.database_url))
    _log.info("schema upgraded" if changed else "schema is up to date")


def seed(settings: Settings) -> None:
    """Load the seed data; rows that are there already stay as they are or are brought up to date.

    Raises:
        GraphError: the data has errors or the database is not available.
    """
    engine = open_engine(settings.database_url)
    store = SqlGraphStore(engine)
    try:
        for name, import_file in (("nodes", import_nodes), ("relations", import_relations)):
            content = (SEED_DIRECTORY / f"{name}.csv").read_bytes()
            # The limit is for strangers' files; none has more rows than bytes.
            summary = import_file(store, content, rows_max=len(content))
            _log.info("seeded", extra={"file": name, "rows": summary._asdict()})
    finally:
        engine.dispose()


def describe(settings: Settings) -> None:
    """Write the OpenAPI description of the service to standard output; no database is asked."""
    json.dump(create_app(settings).openapi(), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def _exit(_number: int, _frame: FrameType | None) -> Never:
    raise SystemExit(0)
