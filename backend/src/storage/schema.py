"""State of the database's schema: bringing it up to date, and telling whether it is."""

from functools import cache
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

_ROOT: Final = Path(__file__).resolve().parents[2]


def alembic_config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration; with a connection its commands work there."""
    config = Config(_ROOT / "alembic.ini")
    config.attributes["connection"] = connection
    return config


def upgrade(engine: Engine) -> bool:
    """Bring the schema up to date, all steps in one transaction.

    A schema that is newer than this release is left alone: after a rollback the older release
    must start on it.

    Returns:
        Whether the schema was behind.
    """
    with engine.begin() as connection:
        if behind_reason(connection) is None:
            return False
        command.upgrade(alembic_config(connection), "head")
    return True


def behind_reason(connection: Connection) -> str | None:
    """Return why the schema is too old for this release, or ``None`` when it will do.

    A revision that this release does not know is taken for a newer one. Migrations keep to
    changes that the release before can live with, so it goes on serving while, and after, the
    next one is rolled out.
    """
    scripts = _scripts()
    current = MigrationContext.configure(connection).get_current_revision()
    if current is None:
        return "the database has no schema yet; run `python -m src migrate`"
    known = {script.revision for script in scripts.walk_revisions()}
    head = scripts.get_current_head()
    if current in known and current != head:
        return f"the schema is at {current}, this release needs {head}"
    return None


@cache
def _scripts() -> ScriptDirectory:
    # Readiness asks every few seconds, and the files do not change while the service runs.
    return ScriptDirectory.from_config(alembic_config())
