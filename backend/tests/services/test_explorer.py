"""Neighbourhoods, compared with a walk over plain sets."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from src.domain.errors import NodeNotFoundError
from src.domain.graph import Direction, Node, NodeKind, Relation, RelationKind, Unit
from src.services.explorer import RELATIONS_PER_NODE, Neighbourhood, neighbourhood
from src.storage.store import SqlGraphStore
from tests.conftest import delete_rows

IDS = tuple(f"n{i}" for i in range(8))
KINDS = (RelationKind.ENHANCES, RelationKind.INHIBITS)


def _save(store: SqlGraphStore, relations: list[Relation], sources: int = 1) -> None:
    with store.writing() as writer:
        writer.save_nodes(
            [Node(id_, NodeKind.COMPOUND, id_) for id_ in IDS]
            + [Node(f"s{i}", NodeKind.SOURCE, f"s{i}") for i in range(sources)]
        )
        writer.save_relations(relations)


def _relation(subject: str, object_: str, kind: RelationKind = KINDS[0]) -> Relation:
    return Relation(subject, kind, object_, 0.5, Unit.RATIO, "s0")


def _naive_levels(
    relations: list[Relation],
    root: str,
    depth: int,
    direction: Direction,
    kinds: frozenset[RelationKind],
) -> Iterator[tuple[str, int]]:
    steps = set()
    for relation in relations:
        if relation.kind in kinds:
            if direction is not Direction.IN:
                steps.add((relation.subject, relation.object))
            if direction is not Direction.OUT:
                steps.add((relation.object, relation.subject))
    seen: set[str] = set()
    level = {root}
    for distance in range(depth + 1):
        yield from ((id_, distance) for id_ in sorted(level))
        seen |= level
        level = {after for before, after in steps if before in level} - seen


def _found(result: Neighbourhood) -> list[tuple[str, int]]:
    return [(neighbour.node.id, neighbour.depth) for neighbour in result.neighbours]


_pairs = st.tuples(st.sampled_from(IDS), st.sampled_from(IDS), st.sampled_from(KINDS))


@given(
    edges=st.sets(_pairs.filter(lambda pair: pair[0] != pair[1]), max_size=16),
    depth=st.integers(1, 4),
    limit=st.integers(1, 10),
    direction=st.sampled_from(Direction),
    kinds=st.sets(st.sampled_from(KINDS), min_size=1).map(frozenset),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_neighbourhood_is_a_bounded_breadth_first_walk(
    engine: Engine,
    edges: set[tuple[str, str, RelationKind]],
    depth: int,
    limit: int,
    direction: Direction,
    kinds: frozenset[RelationKind],
) -> None:
    delete_rows(engine)
    store = SqlGraphStore(engine)
    relations = [_relation(*edge) for edge in edges]
    _save(store, relations)

    result = neighbourhood(store, "n0", depth=depth, limit=limit, direction=direction, kinds=kinds)

    wanted = list(_naive_levels(relations, "n0", depth, direction, kinds))
    assert _found(result) == wanted[:limit]
    ids = {id_ for id_, _ in wanted[:limit]}
    among = [r for r in relations if {r.subject, r.object} <= ids and r.kind in kinds]
    assert result.relations == sorted(among, key=lambda relation: relation.key)
    assert result.truncated == (len(wanted) > limit)


def test_relations_are_bounded_too(store: SqlGraphStore) -> None:
    sources = RELATIONS_PER_NODE * 2 + 1
    relations = [Relation("n0", KINDS[0], "n1", 0.5, Unit.RATIO, f"s{i}") for i in range(sources)]
    _save(store, relations, sources)
    result = neighbourhood(store, "n0", depth=1, limit=2)
    assert _found(result) == [("n0", 0), ("n1", 1)]
    assert len(result.relations) == RELATIONS_PER_NODE * 2
    assert result.truncated
    assert not neighbourhood(store, "n0", depth=1, limit=3).truncated


def test_sources_are_no_neighbours(store: SqlGraphStore) -> None:
    _save(store, [_relation("n0", "n1")])
    assert _found(neighbourhood(store, "s0", depth=4, limit=100)) == [("s0", 0)]


def test_root_must_exist(store: SqlGraphStore) -> None:
    with pytest.raises(NodeNotFoundError, match="there is no node `nothing`"):
        neighbourhood(store, "nothing", depth=1, limit=1)
