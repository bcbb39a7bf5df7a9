"""Reading the graph over HTTP."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from starlette.testclient import TestClient

from src.domain.graph import Node, NodeKind, Relation, RelationKind, Unit
from src.storage.store import SqlGraphStore
from tests.conftest import delete_rows

SPINACH = {"id": "spinach", "kind": "food", "name": "Spinach", "description": "Leaves."}
IRON = {"id": "iron", "kind": "nutrient", "name": "Iron", "description": ""}


@pytest.fixture(autouse=True)
def _graph(store: SqlGraphStore) -> None:
    with store.writing() as writer:
        writer.save_nodes(
            [
                Node("spinach", NodeKind.FOOD, "Spinach", "Leaves."),
                Node("iron", NodeKind.NUTRIENT, "Iron"),
                Node("vitamin-c", NodeKind.NUTRIENT, "Vitamin C"),
                Node("usda", NodeKind.SOURCE, "USDA"),
            ]
        )
        writer.save_relations(
            [
                Relation("spinach", RelationKind.CONTAINS, "iron", 2.71, Unit.MILLIGRAM, "usda"),
                Relation("vitamin-c", RelationKind.ENHANCES, "iron", 0.8, Unit.RATIO, "usda"),
            ]
        )


def test_node_by_id(client: TestClient) -> None:
    response = client.get("/v1/nodes/spinach")
    assert response.status_code == 200
    assert response.json() == SPINACH


def test_unknown_node_is_a_problem(client: TestClient) -> None:
    response = client.get("/v1/nodes/nothing")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {
        "type": "tag:vitalyst.io,2025:problem/node-not-found",
        "title": "Node not found",
        "status": 404,
        "detail": "there is no node `nothing`",
    }


def test_list_pages_and_filters(client: TestClient) -> None:
    first = client.get("/v1/nodes", params={"limit": 3}).json()
    assert [node["id"] for node in first["items"]] == ["iron", "spinach", "usda"]
    assert first["next_after"] == "usda"
    last = client.get("/v1/nodes", params={"limit": 3, "after": "usda"}).json()
    assert [node["id"] for node in last["items"]] == ["vitamin-c"]
    assert last["next_after"] is None
    foods = client.get("/v1/nodes", params={"kind": "food"}).json()
    assert foods == {"items": [SPINACH], "next_after": None}


@given(
    nodes=st.dictionaries(
        st.from_regex(r"[a-z0-9]{1,3}(-[a-z0-9]{1,2})?", fullmatch=True),
        st.sampled_from(NodeKind),
        max_size=12,
    ),
    limit=st.integers(1, 5),
    kind=st.none() | st.sampled_from(NodeKind),
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_pages_hold_every_node_exactly_once(
    client: TestClient,
    engine: Engine,
    nodes: dict[str, NodeKind],
    limit: int,
    kind: NodeKind | None,
) -> None:
    delete_rows(engine)
    with SqlGraphStore(engine).writing() as writer:
        writer.save_nodes([Node(id_, node_kind, id_) for id_, node_kind in nodes.items()])

    seen: list[str] = []
    query: dict[str, str | int] = {"limit": limit} | ({"kind": kind} if kind else {})
    while True:
        page = client.get("/v1/nodes", params=query).json()
        assert 0 < len(page["items"]) <= limit or not seen
        seen += [node["id"] for node in page["items"]]
        if page["next_after"] is None:
            break
        query["after"] = page["next_after"]

    assert seen == sorted(id_ for id_, node_kind in nodes.items() if kind in {None, node_kind})


def test_neighbourhood(client: TestClient) -> None:
    response = client.get("/v1/nodes/spinach/neighbours", params={"depth": 2})
    assert response.status_code == 200
    body = response.json()
    assert [(n["node"]["id"], n["depth"]) for n in body["neighbours"]] == [
        ("spinach", 0),
        ("iron", 1),
        ("vitamin-c", 2),
    ]
    assert body["neighbours"][1]["node"] == IRON
    assert body["relations"][0] == {
        "subject": "spinach",
        "kind": "contains",
        "object": "iron",
        "weight": 2.71,
        "unit": "mg",
        "source": "usda",
    }
    assert len(body["relations"]) == 2
    assert body["truncated"] is False


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("depth=1", ["iron", "spinach", "vitamin-c"]),
        ("direction=out", ["iron"]),
        ("direction=in&relation=enhances", ["iron", "vitamin-c"]),
        ("relation=contains&relation=enhances", ["iron", "spinach", "vitamin-c"]),
        ("limit=2", ["iron", "spinach"]),
    ],
)
def test_neighbourhood_can_be_narrowed(client: TestClient, query: str, ids: list[str]) -> None:
    body = client.get(f"/v1/nodes/iron/neighbours?{query}").json()
    assert [n["node"]["id"] for n in body["neighbours"]] == ids
    assert body["truncated"] is (query == "limit=2")


def test_search(client: TestClient) -> None:
    assert client.get("/v1/search", params={"q": "ÍRON"}).json() == {"items": [IRON]}
    by_kind = client.get("/v1/search", params={"q": "i", "kind": "food"}).json()
    assert by_kind == {"items": [SPINACH]}
    assert len(client.get("/v1/search", params={"q": "i", "limit": 1}).json()["items"]) == 1
    assert client.get("/v1/search", params={"q": " \u0301"}).json() == {"items": []}


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/v1/nodes?limit=0", "query.limit"),
        ("/v1/nodes?limit=201", "query.limit"),
        ("/v1/nodes?kind=metal", "query.kind"),
        ("/v1/nodes?after=NOT AN ID", "query.after"),
        ("/v1/nodes/NOT-AN-ID", "path.node_id"),
        ("/v1/nodes/iron/neighbours?depth=5", "query.depth"),
        ("/v1/nodes/iron/neighbours?limit=501", "query.limit"),
        ("/v1/nodes/iron/neighbours?relation=likes", "query.relation.0"),
        ("/v1/search", "query.q"),
        ("/v1/search?q=", "query.q"),
    ],
)
def test_bounds_are_kept_and_named(client: TestClient, path: str, location: str) -> None:
    response = client.get(path)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["type"] == "tag:vitalyst.io,2025:problem/invalid-request"
    assert [error["location"] for error in body["errors"]] == [location]
    assert "NOT AN ID" not in response.text
