"""The migrations make the tables that the models describe, forth and back, on any database."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import URL, Engine, inspect, text

from src.storage import schema
from src.storage.database import open_migration_engine
from src.storage.models import Base
from src.storage.store import SqlGraphStore


def _snapshot(engine: Engine) -> dict[str, Any]:
    inspector = inspect(engine)
    return {
        table: {
            "columns": [
                (c["name"], str(c["type"]), getattr(c["type"], "collation", None), c["nullable"])
                for c in inspector.get_columns(table)
            ],
            "primary key": inspector.get_pk_constraint(table),
            "foreign keys": sorted(inspector.get_foreign_keys(table), key=lambda k: str(k["name"])),
            "indexes": sorted(inspector.get_indexes(table), key=lambda i: str(i["name"])),
            "checks": sorted(
                (str(c["name"]), c["sqltext"]) for c in inspector.get_check_constraints(table)
            ),
        }
        for table in sorted(set(inspector.get_table_names()) - {"alembic_version"})
    }


def test_models_need_no_further_migration(own_url: URL) -> None:
    with open_migration_engine(own_url).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrations_make_what_the_models_describe(own_url: URL, empty_url: URL) -> None:
    """Unlike Alembic's comparison this sees checks and collations too."""
    described = open_migration_engine(empty_url)
    Base.metadata.create_all(described)
    snapshot = _snapshot(open_migration_engine(own_url))
    assert [name for name, _ in snapshot["relations"]["checks"]] == [
        "ck_relations_kind",
        "ck_relations_no_loop",
        "ck_relations_unit",
        "ck_relations_weight_positive",
    ]
    assert snapshot == _snapshot(described)


def test_downgrade_and_upgrade_round_trip(own_url: URL) -> None:
    engine = open_migration_engine(own_url)
    before = _snapshot(engine)
    with engine.begin() as connection:
        command.downgrade(schema.alembic_config(connection), "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    assert schema.upgrade(engine)
    assert _snapshot(engine) == before
    assert not schema.upgrade(engine)


def test_alembic_by_hand_uses_the_environment(
    empty_url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_url.render_as_string(hide_password=False))
    command.upgrade(schema.alembic_config(), "head")
    assert "relations" in inspect(open_migration_engine(empty_url)).get_table_names()


def test_offline_mode_prints_the_statements_and_touches_nothing(
    empty_url: URL, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_url.render_as_string(hide_password=False))
    command.upgrade(schema.alembic_config(), "head", sql=True)
    assert "CREATE TABLE relations" in capsys.readouterr().out
    assert inspect(open_migration_engine(empty_url)).get_table_names() == []


def test_failed_migration_leaves_nothing_behind(empty_url: URL) -> None:
    engine = open_migration_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE relations (id INTEGER)"))  # In the way of ours.
    with pytest.raises(Exception, match="already exists"):
        schema.upgrade(engine)
    assert inspect(engine).get_table_names() == ["relations"]


def test_replicas_may_migrate_at_once(empty_url: URL) -> None:
    first, second = open_migration_engine(empty_url), open_migration_engine(empty_url)
    with ThreadPoolExecutor(1) as pool:
        with first.begin() as connection:
            command.upgrade(schema.alembic_config(connection), "head")
            late = pool.submit(schema.upgrade, second)
            with pytest.raises(TimeoutError):
                late.result(timeout=0.3)
        late.result(timeout=5)
    assert SqlGraphStore(second).unready_reason() is None


def test_readiness_follows_the_schema(empty_url: URL) -> None:
    engine = open_migration_engine(empty_url)
    store = SqlGraphStore(engine)
    assert "no schema yet" in (store.unready_reason() or "")
    schema.upgrade(engine)
    assert store.unready_reason() is None


def test_schema_of_a_newer_release_is_served_and_left_alone(own_url: URL) -> None:
    engine = open_migration_engine(own_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'of-tomorrow'"))
    assert SqlGraphStore(engine).unready_reason() is None
    assert not schema.upgrade(engine)


def test_schema_of_an_older_release_is_not_served(
    own_url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "alembic.script.ScriptDirectory.get_current_head", lambda _self: "of-tomorrow"
    )
    reason = SqlGraphStore(open_migration_engine(own_url)).unready_reason()
    assert reason == "the schema is at 0001, this release needs of-tomorrow"
