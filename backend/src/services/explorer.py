"""Walking the graph: the neighbourhood of a node, bounded in depth and size."""

from collections.abc import Collection
from typing import Final, NamedTuple

from src.domain.errors import NodeNotFoundError
from src.domain.graph import Direction, Node, Relation, RelationKind
from src.domain.ports import GraphStore

RELATIONS_PER_NODE: Final = 10
"""A neighbourhood holds at most this many relations for each node that it may hold."""


class Neighbour(NamedTuple):
    """A node of a neighbourhood."""

    node: Node
    depth: int
    """Fewest relations between the root and the node; 0 is the root itself."""


class Neighbourhood(NamedTuple):
    """The part of the graph around a node."""

    neighbours: list[Neighbour]
    relations: list[Relation]
    truncated: bool
    """Whether nodes or relations within the depth were left out because of the limit."""


def neighbourhood(
    store: GraphStore,
    root: str,
    *,
    depth: int,
    limit: int,
    direction: Direction = Direction.BOTH,
    kinds: Collection[RelationKind] = tuple(RelationKind),
) -> Neighbourhood:
    """Return the nodes up to ``depth`` relations away from ``root``, and the relations among them.

    Breadth first: nearer nodes come first, equally near ones in the order of their ids, so the
    same call gives the same answer and a limit cuts off the farthest.

    Args:
        store: where the graph is.
        root: id of the node to start at.
        depth: how many relations to follow, at least 1.
        limit: how many nodes to return at most, the root included.
        direction: which way to follow relations; it does not restrict the relations returned.
        kinds: which kinds of relation to follow and to return.

    Raises:
        NodeNotFoundError: there is no node ``root``.
    """
    with store.reading() as reader:
        if not reader.nodes([root]):
            raise NodeNotFoundError(root)
        depths = {root: 0}
        frontier = [root]
        truncated = False
        for level in range(1, depth + 1):
            room = limit - len(depths)
            # One more than fits tells whether anything is left out.
            found = reader.adjacent(
                frontier, seen=depths, direction=direction, kinds=kinds, limit=room + 1
            )
            frontier = found[:room]
            depths |= dict.fromkeys(frontier, level)
            truncated = len(found) > room
            if truncated or not frontier:
                break
        nodes = reader.nodes(depths)
        relations_max = limit * RELATIONS_PER_NODE
        relations = reader.relations_among(depths, kinds=kinds, limit=relations_max + 1)
    return Neighbourhood(
        neighbours=[Neighbour(nodes[node_id], level) for node_id, level in depths.items()],
        relations=relations[:relations_max],
        truncated=truncated or len(relations) > relations_max,
    )
