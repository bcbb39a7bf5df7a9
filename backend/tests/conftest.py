"""Databases and applications for the tests; what touches a database runs on every kind of it."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from sqlalchemy import URL, Engine, delete, make_url
from starlette.testclient import TestClient

from src.api.app import build_api
from src.api.dependencies import ImportPolicy
from src.storage import schema
from src.storage.database import open_engine, open_migration_engine
from src.storage.models import Base
from src.storage.store import SqlGraphStore
from tests.postgres import Cluster, PostgresMissingError, running_cluster

IMPORT_TOKEN = "a token of the tests"


def delete_rows(engine: Engine) -> None:
    """Empty every table; for properties, which meet the same database again and again."""
    with engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(delete(table))


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no setting of the developer's shell into a test, nor into a process that it starts."""
    for name in list(os.environ):
        if name == "DATABASE_URL" or name.startswith("VITALYST_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def _cluster() -> Iterator[Cluster]:
    try:
        with running_cluster() as cluster:
            yield cluster
    except PostgresMissingError as error:
        if os.environ.get("VITALYST_REQUIRE_POSTGRES") == "1":
            pytest.fail(f"VITALYST_REQUIRE_POSTGRES=1, but {error}")
        pytest.skip(str(error))


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def new_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[URL | None], URL]:
    """Make an empty database, or a copy of a given one."""
    if request.param == "postgresql":
        cluster: Cluster = request.getfixturevalue("_cluster")
        return cluster.create_database

    def new_sqlite(template: URL | None) -> URL:
        path = tmp_path_factory.mktemp("sqlite") / "graph.db"
        if template:
            shutil.copy(Path(template.database or ""), path)
        return make_url(f"sqlite:///{path}")

    return new_sqlite


@pytest.fixture(scope="session")
def template_url(new_database: Callable[[URL | None], URL]) -> URL:
    """A database with the schema and no data, to copy."""
    url = new_database(None)
    schema.upgrade(open_migration_engine(url))
    return url


@pytest.fixture
def empty_url(new_database: Callable[[URL | None], URL]) -> URL:
    """A database of the test's own, without a schema."""
    return new_database(None)


@pytest.fixture
def own_url(new_database: Callable[[URL | None], URL], template_url: URL) -> URL:
    """A database of the test's own, with the schema: for tests that change more than rows."""
    return new_database(template_url)


@pytest.fixture(scope="session")
def _shared_engine(
    new_database: Callable[[URL | None], URL], template_url: URL
) -> Iterator[Engine]:
    engine = open_engine(new_database(template_url))
    yield engine
    engine.dispose()


@pytest.fixture
def engine(_shared_engine: Engine) -> Engine:
    """A database with the schema and no rows; making one for each test would take long."""
    delete_rows(_shared_engine)
    return _shared_engine


@pytest.fixture
def store(engine: Engine) -> SqlGraphStore:
    return SqlGraphStore(engine)


@pytest.fixture
def app(store: SqlGraphStore) -> FastAPI:
    policy = ImportPolicy(IMPORT_TOKEN, bytes_max=20_000, rows_max=100)
    return build_api(store, import_policy=policy, cors_origins=["https://explorer.example"])


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def registry(app: FastAPI) -> CollectorRegistry:
    registry: CollectorRegistry = app.state.registry
    return registry
