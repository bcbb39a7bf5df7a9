"""Looking nodes up: by id, page by page, by a part of the name."""

from typing import NamedTuple

from src.domain.errors import NodeNotFoundError
from src.domain.graph import Node, NodeKind, fold
from src.domain.ports import GraphStore


class Page(NamedTuple):
    """A piece of the list of nodes."""

    nodes: list[Node]
    next_after: str | None
    """Where the next page begins, or ``None`` on the last one."""


def get_node(store: GraphStore, node_id: str) -> Node:
    """Return the node with this id.

    Raises:
        NodeNotFoundError: there is none.
    """
    with store.reading() as reader:
        node = reader.nodes([node_id]).get(node_id)
    if node is None:
        raise NodeNotFoundError(node_id)
    return node


def list_nodes(store: GraphStore, *, kind: NodeKind | None, after: str | None, limit: int) -> Page:
    """Return up to ``limit`` nodes after the id ``after``, ordered by id.

    Paging by id neither skips nor repeats a node when others are added meanwhile.
    """
    with store.reading() as reader:
        nodes = reader.page(kind=kind, after=after, limit=limit + 1)
    more = len(nodes) > limit
    return Page(nodes[:limit], nodes[limit - 1].id if more else None)


def search_nodes(store: GraphStore, text: str, *, kind: NodeKind | None, limit: int) -> list[Node]:
    """Return up to ``limit`` nodes whose name contains ``text``, the best match first.

    Case and accents do not matter. A text of nothing but accents and white space matches nothing.
    """
    folded = fold(text)
    if not folded:
        return []
    with store.reading() as reader:
        return reader.search(folded, kind=kind, limit=limit)
