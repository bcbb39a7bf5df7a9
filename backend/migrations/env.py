"""How Alembic reaches the database: by the caller's connection, or by DATABASE_URL."""

from alembic import context
from sqlalchemy import Connection, text

from src.settings import load_settings
from src.storage.database import open_migration_engine
from src.storage.models import Base

_MIGRATION_LOCK = 0x7669_746D


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            # Several replicas may start at once; the later ones find nothing left to do.
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        context.run_migrations()


if context.is_offline_mode():
    url = load_settings().database_url
    context.configure(url=url, target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
elif (given := context.config.attributes.get("connection")) is not None:
    _run(given)
else:
    with open_migration_engine(load_settings().database_url).begin() as opened:
        _run(opened)
