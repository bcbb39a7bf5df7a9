"""The graph store of the services, on a relational database."""

import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import Engine, case, select, text, tuple_, union
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from src.domain.errors import StoreUnavailableError
from src.domain.graph import Direction, Node, NodeKind, Relation, RelationKey, RelationKind, fold
from src.storage.database import WRITES_OPTION
from src.storage.models import NodeRow, RelationRow
from src.storage.schema import behind_reason

_CHUNK: Final = 1000
"""Keys in one statement: SQLite takes 32,766 parameters, and a key has up to four."""

_WRITER_LOCK: Final = 0x7669_7461
"""PostgreSQL advisory lock that only one writing transaction holds."""

_Item = TypeVar("_Item")

_log = logging.getLogger(__name__)


class SqlGraphStore:
    """Opens transactions on the database behind an engine."""

    def __init__(self, engine: Engine) -> None:
        """Use ``engine``, which stays the caller's to dispose of."""
        self._readers = engine
        self._writers = engine.execution_options(**{WRITES_OPTION: True})
        if engine.dialect.name == "postgresql":
            # SQLite's readers see one moment by themselves.
            self._readers = engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )

    @contextmanager
    def reading(self) -> Iterator["SqlGraphSession"]:
        """Begin a read-only transaction; see the port for the errors."""
        with _session(self._readers) as session:
            yield SqlGraphSession(session)

    @contextmanager
    def writing(self) -> Iterator["SqlGraphSession"]:
        """Begin the only writing transaction; see the port for the errors."""
        with _session(self._writers) as session:
            if self._writers.dialect.name == "postgresql":
                session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITER_LOCK})
            yield SqlGraphSession(session)

    def unready_reason(self) -> str | None:
        """Return why the database cannot serve: no answer, or a schema that is too old."""
        try:
            with self._readers.connect() as connection:
                return behind_reason(connection)
        except SQLAlchemyError as error:
            _log.warning("not ready: %s", error)
            return "the database does not answer"


@contextmanager
def _session(engine: Engine) -> Iterator[Session]:
    try:
        with Session(engine) as session, session.begin():
            # The connection is taken here, so that a missing database is found before any work.
            session.connection()
            yield session
    except (OperationalError, PoolTimeoutError) as error:
        # Whoever asked is told no more than this; whoever runs the service needs the cause.
        _log.warning("store unavailable: %s", error)
        message = "the database does not answer or is busy"
        raise StoreUnavailableError(message) from error


class SqlGraphSession:
    """One transaction on the graph; implements the ports of reading and writing."""

    def __init__(self, session: Session) -> None:
        """Work in ``session``, whose transaction has begun."""
        self._session = session

    def nodes(self, ids: Collection[str]) -> dict[str, Node]:
        """Return the nodes that exist among ``ids``, by id."""
        found: dict[str, Node] = {}
        for chunk in _chunks(ids):
            rows = self._session.scalars(select(NodeRow).where(NodeRow.id.in_(chunk)))
            found |= {row.id: _node(row) for row in rows}
        return found

    def page(self, *, kind: NodeKind | None, after: str | None, limit: int) -> list[Node]:
        """Return a page of the nodes, ordered by id."""
        query = select(NodeRow).order_by(NodeRow.id).limit(limit)
        if kind is not None:
            query = query.where(NodeRow.kind == kind)
        if after is not None:
            query = query.where(NodeRow.id > after)
        return [_node(row) for row in self._session.scalars(query)]

    def search(self, folded: str, *, kind: NodeKind | None, limit: int) -> list[Node]:
        """Return the nodes whose folded name contains ``folded``, the best match first."""
        name = NodeRow.folded_name
        rank = case(
            (name == folded, 0),
            (name.startswith(folded, autoescape=True), 1),
            (name.contains(f" {folded}", autoescape=True), 2),
            else_=3,
        )
        query = (
            select(NodeRow)
            .where(name.contains(folded, autoescape=True))
            .order_by(rank, name, NodeRow.id)
            .limit(limit)
        )
        if kind is not None:
            query = query.where(NodeRow.kind == kind)
        return [_node(row) for row in self._session.scalars(query)]

    def adjacent(
        self,
        frontier: Collection[str],
        *,
        seen: Collection[str],
        direction: Direction,
        kinds: Collection[RelationKind],
        limit: int,
    ) -> list[str]:
        """Return ids one relation away from ``frontier``, in order, without ``seen``."""
        forward = select(RelationRow.object_id.label("id")).where(
            RelationRow.subject_id.in_(frontier), RelationRow.kind.in_(kinds)
        )
        backward = select(RelationRow.subject_id.label("id")).where(
            RelationRow.object_id.in_(frontier), RelationRow.kind.in_(kinds)
        )
        branches = {
            Direction.OUT: [forward],
            Direction.IN: [backward],
            Direction.BOTH: [forward, backward],
        }
        found = union(*branches[direction]).subquery()
        query = select(found.c.id).distinct().where(found.c.id.not_in(seen))
        return list(self._session.scalars(query.order_by(found.c.id).limit(limit)))

    def relations_among(
        self, ids: Collection[str], *, kinds: Collection[RelationKind], limit: int
    ) -> list[Relation]:
        """Return the relations whose ends are both in ``ids``, by key."""
        query = (
            select(RelationRow)
            .where(
                RelationRow.subject_id.in_(ids),
                RelationRow.object_id.in_(ids),
                RelationRow.kind.in_(kinds),
            )
            .order_by(*_RELATION_KEY)
            .limit(limit)
        )
        return [_relation(row) for row in self._session.scalars(query)]

    def relations(self, keys: Collection[RelationKey]) -> dict[RelationKey, Relation]:
        """Return the relations that exist among ``keys``."""
        found: dict[RelationKey, Relation] = {}
        for chunk in _chunks(keys):
            query = select(RelationRow).where(tuple_(*_RELATION_KEY).in_(chunk))
            relations = map(_relation, self._session.scalars(query))
            found |= {relation.key: relation for relation in relations}
        return found

    def save_nodes(self, nodes: Sequence[Node]) -> None:
        """Insert the nodes, or overwrite those that have the same id."""
        rows = [
            {
                "id": node.id,
                "kind": node.kind,
                "name": node.name,
                "folded_name": fold(node.name),
                "description": node.description,
            }
            for node in nodes
        ]
        self._upsert(NodeRow, rows)

    def save_relations(self, relations: Sequence[Relation]) -> None:
        """Insert the relations, or overwrite those that have the same key."""
        rows = [
            {
                "subject_id": relation.subject,
                "kind": relation.kind,
                "object_id": relation.object,
                "source_id": relation.source,
                "weight": relation.weight,
                "unit": relation.unit,
            }
            for relation in relations
        ]
        self._upsert(RelationRow, rows)

    def _upsert(self, model: type[NodeRow | RelationRow], rows: list[dict[str, Any]]) -> None:
        if not rows:
            return
        postgres = self._session.get_bind().dialect.name == "postgresql"
        insert = postgresql.insert(model) if postgres else sqlite.insert(model)
        table = model.__table__
        values = {
            column.name: insert.excluded[column.name]
            for column in table.columns
            if not column.primary_key
        }
        keys = [column.name for column in table.columns if column.primary_key]
        statement = insert.on_conflict_do_update(index_elements=keys, set_=values)
        self._session.execute(statement, rows)


_RELATION_KEY: Final = (
    RelationRow.subject_id,
    RelationRow.kind,
    RelationRow.object_id,
    RelationRow.source_id,
)


def _chunks(items: Collection[_Item]) -> Iterator[list[_Item]]:
    rest = iter(items)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk


def _node(row: NodeRow) -> Node:
    return Node(id=row.id, kind=row.kind, name=row.name, description=row.description)


def _relation(row: RelationRow) -> Relation:
    return Relation(
        subject=row.subject_id,
        kind=row.kind,
        object=row.object_id,
        weight=row.weight,
        unit=row.unit,
        source=row.source_id,
    )
