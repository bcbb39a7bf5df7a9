"""Ports: what the services need from storage, said without naming a database."""

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from src.domain.graph import Direction, Node, NodeKind, Relation, RelationKey, RelationKind


class GraphReader(Protocol):
    """A consistent view of the graph: all reads through one reader see the same moment."""

    def nodes(self, ids: Collection[str]) -> dict[str, Node]:
        """Return the nodes that exist among ``ids``, by id."""

    def page(self, *, kind: NodeKind | None, after: str | None, limit: int) -> list[Node]:
        """Return up to ``limit`` nodes of ``kind`` after the id ``after``, by id in ASCII order."""

    def search(self, folded: str, *, kind: NodeKind | None, limit: int) -> list[Node]:
        """Return up to ``limit`` nodes whose folded name contains ``folded``.

        An equal name comes first, then names that begin with the text, then names with a word
        that begins with it, then the others; equals are ordered by name and id.
        """

    def adjacent(
        self,
        frontier: Collection[str],
        *,
        seen: Collection[str],
        direction: Direction,
        kinds: Collection[RelationKind],
        limit: int,
    ) -> list[str]:
        """Return up to ``limit`` ids one relation away from ``frontier``, without ``seen``.

        The ids are in ASCII order.
        """

    def relations_among(
        self, ids: Collection[str], *, kinds: Collection[RelationKind], limit: int
    ) -> list[Relation]:
        """Return up to ``limit`` relations whose subject and object are both in ``ids``, by key."""

    def relations(self, keys: Collection[RelationKey]) -> dict[RelationKey, Relation]:
        """Return the relations that exist among ``keys``."""


class GraphWriter(GraphReader, Protocol):
    """A reader that can also write; no other writer is active at the same time."""

    def save_nodes(self, nodes: Sequence[Node]) -> None:
        """Insert the nodes, or overwrite those that have the same id."""

    def save_relations(self, relations: Sequence[Relation]) -> None:
        """Insert the relations, or overwrite those that have the same key."""


class GraphStore(Protocol):
    """Opens transactions on the graph."""

    def reading(self) -> AbstractContextManager[GraphReader]:
        """Begin a read-only transaction.

        Raises:
            StoreUnavailableError: the database cannot be reached.
        """

    def writing(self) -> AbstractContextManager[GraphWriter]:
        """Begin a transaction that commits when the block ends, and rolls back when it raises.

        Raises:
            StoreUnavailableError: the database cannot be reached, or is being written for too long.
        """

    def unready_reason(self) -> str | None:
        """Return why the store cannot serve now, or ``None`` when it can."""
