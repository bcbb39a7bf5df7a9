"""The store: order, search, transactions, and what it says when the database is away."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import URL, Engine, inspect, make_url, text
from sqlalchemy.exc import IntegrityError

from src.domain.errors import StoreUnavailableError
from src.domain.graph import Node, NodeKind, Relation, RelationKind, Unit
from src.storage import database
from src.storage.database import open_engine
from src.storage.store import SqlGraphStore


def _node(id_: str, name: str = "name", kind: NodeKind = NodeKind.FOOD) -> Node:
    return Node(id_, kind, name)


def _save(store: SqlGraphStore, *nodes: Node) -> None:
    with store.writing() as writer:
        writer.save_nodes(nodes)


def test_order_is_by_code_point_on_every_database(store: SqlGraphStore) -> None:
    """A linguistic order, PostgreSQL's usual one, would put `ab` before `a-c`."""
    ids = ["a", "a-c", "a1", "ab", "b"]
    _save(store, *(_node(id_) for id_ in reversed(ids)))
    with store.reading() as reader:
        assert [node.id for node in reader.page(kind=None, after=None, limit=9)] == ids
        assert [node.id for node in reader.page(kind=None, after="a-c", limit=2)] == ["a1", "ab"]


def test_compared_columns_have_the_order_of_code_points(engine: Engine) -> None:
    """Whatever the locale of the cluster is; SQLite has no other order."""
    wanted = "C" if engine.dialect.name == "postgresql" else None
    compared = {
        "nodes": {"id", "folded_name"},
        "relations": {"subject_id", "object_id", "source_id"},
    }
    for table, columns in compared.items():
        collations = {
            column["name"]: getattr(column["type"], "collation", None)
            for column in inspect(engine).get_columns(table)
            if column["name"] in columns
        }
        assert collations == dict.fromkeys(columns, wanted)


def test_search_ranks_equal_then_prefix_then_word_then_rest(store: SqlGraphStore) -> None:
    names = ["Iron", "Iron oxide", "Environment", "Food iron", "Ärmel", "Zinc"]
    _save(store, *(_node(f"n{i}", name) for i, name in enumerate(names)))
    with store.reading() as reader:
        found = reader.search("iron", kind=None, limit=9)
        assert [node.name for node in found] == ["Iron", "Iron oxide", "Food iron", "Environment"]
        assert [node.name for node in reader.search("iron", kind=None, limit=2)] == [
            "Iron",
            "Iron oxide",
        ]
        assert reader.search("iron", kind=NodeKind.NUTRIENT, limit=9) == []
        assert [node.name for node in reader.search("arm", kind=None, limit=9)] == ["Ärmel"]


@pytest.mark.parametrize("wildcard", ["%", "_", "/", "\\"])
def test_search_takes_wildcards_literally(store: SqlGraphStore, wildcard: str) -> None:
    _save(store, _node("plain", "3 of 25"), _node("wild", f"3{wildcard}25"))
    with store.reading() as reader:
        found = reader.search(f"3{wildcard}2", kind=None, limit=9)
    assert [node.id for node in found] == ["wild"]


def test_failed_transaction_stores_nothing(store: SqlGraphStore) -> None:
    def save_and_fail() -> None:
        with store.writing() as writer:
            writer.save_nodes([_node("a")])
            raise LookupError

    with pytest.raises(LookupError):
        save_and_fail()
    with store.reading() as reader:
        assert reader.nodes(["a"]) == {}


@pytest.mark.parametrize("missing", ["subject", "object", "source"])
def test_database_itself_refuses_relations_to_nothing(store: SqlGraphStore, missing: str) -> None:
    _save(store, _node("subject"), _node("object"), _node("source"))
    ends = {end: end for end in ("subject", "object", "source")} | {missing: "nothing"}
    relation = Relation(kind=RelationKind.ENHANCES, weight=1.0, unit=Unit.RATIO, **ends)
    with pytest.raises(IntegrityError), store.writing() as writer:
        writer.save_relations([relation])


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO nodes VALUES ('a', 'metal', 'A', 'a', '')",
        "INSERT INTO relations VALUES ('a', 'enhances', 'a', 's', 1, 'ratio')",
        "INSERT INTO relations VALUES ('a', 'enhances', 'b', 's', 0, 'ratio')",
        "INSERT INTO relations VALUES ('a', 'enhances', 'b', 's', 1, 'stone')",
        "INSERT INTO relations VALUES ('a', 'likes', 'b', 's', 1, 'ratio')",
    ],
)
def test_database_itself_refuses_what_the_rules_exclude(
    store: SqlGraphStore, engine: Engine, statement: str
) -> None:
    _save(store, *(_node(id_) for id_ in "abs"))
    with pytest.raises(IntegrityError, match=r"(?i)check"), engine.begin() as connection:
        connection.execute(text(statement.replace("'a', 'metal'", "'new', 'metal'")))


def test_reader_sees_one_moment(store: SqlGraphStore) -> None:
    _save(store, _node("a"))
    with store.reading() as reader:
        assert set(reader.nodes("ab")) == {"a"}
        _save(store, _node("b"))
        assert set(reader.nodes("ab")) == {"a"}
    with store.reading() as reader:
        assert set(reader.nodes("ab")) == {"a", "b"}


def test_writers_wait_for_each_other(store: SqlGraphStore) -> None:
    """Each reads the number of nodes and adds one: without the lock they would add the same."""
    together = Barrier(4)

    def add_one(_: int) -> None:
        together.wait()
        with store.writing() as writer:
            count = len(writer.page(kind=None, after=None, limit=9))
            writer.save_nodes([_node(f"n{count}")])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add_one, range(4)))
    with store.reading() as reader:
        assert len(reader.page(kind=None, after=None, limit=9)) == 4


def test_writer_that_waits_too_long_is_told_so(
    own_url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCK_TIMEOUT_SECONDS", 1)
    engine = open_engine(own_url)
    store = SqlGraphStore(engine)
    with store.writing(), pytest.raises(StoreUnavailableError):  # noqa: SIM117 - the inner waits
        with store.writing():
            pytest.fail("two writers at once")
    engine.dispose()


@pytest.mark.parametrize(
    "away", ["sqlite:////nonexistent/graph.db", "postgresql+psycopg://u@/db?host=/nonexistent"]
)
def test_missing_database_is_unavailable_and_not_ready(
    away: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = SqlGraphStore(open_engine(make_url(away)))
    assert store.unready_reason() == "the database does not answer"
    with pytest.raises(StoreUnavailableError), store.reading():
        pytest.fail("there is no database")
    # The cause stands in the log alone.
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert all("OperationalError" in record.message for record in caplog.records)


def test_exhausted_pool_is_unavailable(own_url: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = open_engine(own_url)
    monkeypatch.setattr(engine.pool, "_timeout", 0.05)
    capacity = engine.pool.size() + engine.pool._max_overflow  # type: ignore[attr-defined]  # noqa: SLF001
    taken = [engine.connect() for _ in range(capacity)]
    with pytest.raises(StoreUnavailableError), SqlGraphStore(engine).reading():
        pytest.fail("the pool had another connection")
    for connection in taken:
        connection.close()
    engine.dispose()
