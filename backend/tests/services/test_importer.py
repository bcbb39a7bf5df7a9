"""Imports: exact errors, whole files, and files that come back as they were written."""

import csv
import io
import math
import unicodedata
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from src.domain.errors import ImportRejectedError, ImportTooLargeError, RowError
from src.domain.graph import RELATION_RULES, Node, NodeKind, Relation, RelationKind, fold
from src.services.importer import (
    NODE_COLUMNS,
    RELATION_COLUMNS,
    ImportSummary,
    import_nodes,
    import_relations,
)
from src.storage.store import SqlGraphStore
from tests.conftest import delete_rows

NODES = """id,kind,name,description
spinach,food,Spinach,
iron,nutrient,Iron,
usda,source,USDA,
"""
RELATIONS = """subject,kind,object,weight,unit,source
spinach,contains,iron,2.71,mg,usda
"""


def _import_nodes(store: SqlGraphStore, content: str | bytes) -> ImportSummary:
    raw = content.encode() if isinstance(content, str) else content
    return import_nodes(store, raw, rows_max=1000)


def _import_relations(store: SqlGraphStore, content: str) -> ImportSummary:
    return import_relations(store, content.encode(), rows_max=1000)


def _stored_nodes(store: SqlGraphStore) -> list[Node]:
    with store.reading() as reader:
        return reader.page(kind=None, after=None, limit=10_000)


def _errors(store: SqlGraphStore, content: str | bytes) -> list[RowError]:
    with pytest.raises(ImportRejectedError) as caught:
        _import_nodes(store, content)
    assert _stored_nodes(store) == []
    return list(caught.value.errors)


def test_import_is_idempotent_and_tells_what_it_did(store: SqlGraphStore) -> None:
    assert _import_nodes(store, NODES) == ImportSummary(created=3, updated=0, unchanged=0)
    assert _import_nodes(store, NODES) == ImportSummary(created=0, updated=0, unchanged=3)
    renamed = NODES.replace("Iron", "Iron, Fe") + "zinc,nutrient,Zinc,\n"
    # A name with a comma must be quoted; the rest of the file stays as it was.
    renamed = renamed.replace("Iron, Fe", '"Iron, Fe"')
    assert _import_nodes(store, renamed) == ImportSummary(created=1, updated=1, unchanged=2)
    assert _import_relations(store, RELATIONS) == ImportSummary(1, 0, 0)
    assert _import_relations(store, RELATIONS) == ImportSummary(0, 0, 1)
    assert _import_relations(store, RELATIONS.replace("2.71", "2.7")) == ImportSummary(0, 1, 0)
    with store.reading() as reader:
        (relation,) = reader.relations_among(
            ["spinach", "iron"], kinds=[RelationKind.CONTAINS], limit=2
        )
    assert relation.weight == 2.7


def test_all_errors_are_reported_by_row_and_column_and_nothing_is_stored(
    store: SqlGraphStore,
) -> None:
    content = (
        "id,kind,name,description\n"
        "good,food,Good,\n"
        "Bad,foo,,\n"
        "\n"
        'quoted,food,"over\ntwo lines",\n'
        "short,food\n"
        "good,food,Again,\n"
    )
    assert _errors(store, content) == [
        (3, "id", "must be lower-case ASCII words joined by hyphens, such as `vitamin-c`"),
        (3, "kind", "must be one of food, nutrient, compound, source"),
        (3, "name", "must not be empty"),
        (5, "name", "must not have control characters"),
        (6, None, "has 2 fields, but the header has 4"),
        (7, "id", "repeats row 2"),
    ]


def test_bytes_that_are_no_utf8_are_reported_where_they_are(store: SqlGraphStore) -> None:
    content = b"id,kind,name,description\na,food,caf\xe9,\nb,food,B,\xff\n"
    assert _errors(store, content) == [
        (2, "name", "is not valid UTF-8"),
        (3, "description", "is not valid UTF-8"),
    ]


@pytest.mark.parametrize(
    ("content", "errors"),
    [
        ("", [(1, column, "is missing") for column in NODE_COLUMNS]),
        (
            "id,kind,name,name,colour\n1,2,3,4,5\n",
            [
                (1, "description", "is missing"),
                (1, "colour", "is unknown"),
                (1, "name", "is repeated"),
            ],
        ),
        ('"id', [(1, None, "unexpected end of data; the file could not be read from here on")]),
        (
            'id,kind,name,description\na,food,"x"y,\n',
            [(2, None, "',' expected after '\"'; the file could not be read from here on")],
        ),
    ],
)
def test_file_that_is_no_table_is_refused(
    store: SqlGraphStore, content: str, errors: list[RowError]
) -> None:
    assert _errors(store, content) == errors


def test_byte_order_mark_and_order_of_columns_do_not_matter(store: SqlGraphStore) -> None:
    content = "\ufeffname,description,id,kind\r\nIron,,iron,nutrient\r\n"
    assert _import_nodes(store, content).created == 1
    assert _stored_nodes(store) == [Node("iron", NodeKind.NUTRIENT, "Iron")]


def test_rows_are_limited(store: SqlGraphStore) -> None:
    assert import_nodes(store, NODES.encode(), rows_max=3).created == 3
    with pytest.raises(ImportTooLargeError, match="more than 2 rows"):
        import_nodes(store, NODES.encode(), rows_max=2)


def test_node_keeps_its_kind(store: SqlGraphStore) -> None:
    _import_nodes(store, NODES)
    with pytest.raises(ImportRejectedError) as caught:
        _import_nodes(store, NODES.replace("iron,nutrient,Iron", "iron,food,Irn"))
    message = "`iron` is a nutrient already; a node cannot change its kind"
    assert caught.value.errors == ((3, "kind", message),)
    assert Node("iron", NodeKind.NUTRIENT, "Iron") in _stored_nodes(store)


def test_relations_are_checked_against_the_graph_in_the_order_of_the_file(
    store: SqlGraphStore,
) -> None:
    _import_nodes(store, NODES)
    content = RELATIONS + (
        "spinach,contains,zinc,1,mg,usda\n"
        "spinach,contains,iron,x,mg,usda\n"
        "iron,contains,usda,1,mg,spinach\n"
        "spinach,contains,iron,3,mg,usda\n"
    )
    with pytest.raises(ImportRejectedError) as caught:
        _import_relations(store, content)
    assert [(e.row, e.column) for e in caught.value.errors] == [
        (3, "object"), (4, "weight"), (5, "subject"), (5, "object"), (5, "source"), (6, None),
    ]  # fmt: skip
    with store.reading() as reader:
        assert reader.relations_among(["spinach", "iron"], kinds=list(RelationKind), limit=1) == []


def test_import_of_more_rows_than_one_statement_takes(store: SqlGraphStore) -> None:
    count = 1100
    nodes = [f"n{i},compound,N{i}," for i in range(count)]
    content = "\n".join([",".join(NODE_COLUMNS), *nodes, "s,source,S,"]).encode()
    assert import_nodes(store, content, rows_max=5000).created == count + 1
    rows = [f"n{i},enhances,n{i + 1},0.5,ratio,s" for i in range(count - 1)]
    content = "\n".join([",".join(RELATION_COLUMNS), *rows]).encode()
    assert import_relations(store, content, rows_max=5000).created == count - 1
    assert import_relations(store, content, rows_max=5000).unchanged == count - 1


# What the rules let pass: no control characters or surrogates, trimmed, composed.
_line = (
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)
    .map(lambda text: unicodedata.normalize("NFC", text.strip()))
    .filter(lambda text: text == text.strip() and len(text) <= 200)
)
_ids = st.from_regex(r"[a-z0-9]{1,4}(-[a-z0-9]{1,3})?", fullmatch=True)
_nodes = st.lists(
    st.builds(
        Node,
        id=_ids,
        kind=st.sampled_from(NodeKind),
        name=_line.filter(bool),
        description=st.builds("{}\n{}".format, _line.filter(bool), _line.filter(bool)) | _line,
    ),
    unique_by=lambda node: node.id,
    max_size=8,
)


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


@given(nodes=_nodes)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_nodes_come_back_as_they_were_written(engine: Engine, nodes: list[Node]) -> None:
    delete_rows(engine)
    store = SqlGraphStore(engine)
    content = _csv(NODE_COLUMNS, [(n.id, n.kind, n.name, n.description) for n in nodes])
    assert import_nodes(store, content, rows_max=100).created == len(nodes)
    assert _stored_nodes(store) == sorted(nodes, key=lambda node: node.id)
    for node in nodes:
        if fold(node.name):
            with store.reading() as reader:
                assert node in reader.search(fold(node.name), kind=node.kind, limit=100)


@st.composite
def _relations(draw: st.DrawFn) -> list[Relation]:
    kind = draw(st.sampled_from(RelationKind))
    subject = "food" if kind is RelationKind.CONTAINS else "nutrient"
    unit = draw(st.sampled_from(sorted(RELATION_RULES[kind].weight_max)))
    weights = st.floats(1e-9, RELATION_RULES[kind].weight_max[unit])
    return [
        Relation(subject, kind, "compound", draw(weights), unit, source)
        for source in draw(st.sets(st.sampled_from(["source", "source-2"])))
    ]


@given(relations=_relations())
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_weights_come_back_to_the_last_bit(engine: Engine, relations: list[Relation]) -> None:
    delete_rows(engine)
    store = SqlGraphStore(engine)
    nodes = [(kind, kind, kind, "") for kind in NodeKind]
    import_nodes(store, _csv(NODE_COLUMNS, [*nodes, ("source-2", "source", "2", "")]), rows_max=10)
    rows = [(r.subject, r.kind, r.object, repr(r.weight), r.unit, r.source) for r in relations]
    import_relations(store, _csv(RELATION_COLUMNS, rows), rows_max=10)
    with store.reading() as reader:
        stored = reader.relations([r.key for r in relations])
    assert stored == {r.key: r for r in relations}
    assert all(math.isfinite(r.weight) for r in stored.values())
