"""Importing over HTTP: who may, what is accepted, how errors look."""

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.types import Message

from src.api.app import build_api
from src.api.dependencies import ImportPolicy
from src.storage.store import SqlGraphStore
from tests.conftest import IMPORT_TOKEN

HEADERS = {"Authorization": f"Bearer {IMPORT_TOKEN}", "Content-Type": "text/csv; charset=utf-8"}
NODES = "id,kind,name,description\nspinach,food,Spinach,\niron,nutrient,Iron,\nusda,source,USDA,\n"
RELATIONS = "subject,kind,object,weight,unit,source\nspinach,contains,iron,2.71,mg,usda\n"


def test_files_are_imported_and_served(client: TestClient) -> None:
    response = client.post("/v1/imports/nodes", content=NODES, headers=HEADERS)
    assert (response.status_code, response.json()) == (
        200,
        {"created": 3, "updated": 0, "unchanged": 0},
    )
    response = client.post("/v1/imports/relations", content=RELATIONS, headers=HEADERS)
    assert response.json() == {"created": 1, "updated": 0, "unchanged": 0}
    body = client.get("/v1/nodes/spinach/neighbours").json()
    assert [relation["weight"] for relation in body["relations"]] == [2.71]


def test_rejected_file_is_a_problem_with_every_error(client: TestClient) -> None:
    content = NODES + "Bad,food,Bad,\nshort\n"
    response = client.post("/v1/imports/nodes", content=content, headers=HEADERS)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {
        "type": "tag:vitalyst.io,2025:problem/import-rejected",
        "title": "Import rejected",
        "status": 422,
        "detail": "the file has 2 error(s); nothing was stored",
        "errors": [
            {
                "row": 5,
                "column": "id",
                "message": "must be lower-case ASCII words joined by hyphens, such as `vitamin-c`",
            },
            {"row": 6, "column": None, "message": "has 1 fields, but the header has 4"},
        ],
    }
    assert client.get("/v1/nodes").json()["items"] == []


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        ("x" * 20_001, "the file has more than 20000 bytes"),
        (NODES + "\n" * 100, "the file has more than 100 rows"),
    ],
)
def test_size_is_bounded(client: TestClient, content: str, detail: str) -> None:
    response = client.post("/v1/imports/nodes", content=content, headers=HEADERS)
    assert response.status_code == 413
    assert response.json()["type"] == "tag:vitalyst.io,2025:problem/import-too-large"
    assert response.json()["detail"] == detail


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic dTpw", "Bearer ünïcode"])
def test_token_is_needed(client: TestClient, authorization: str | None) -> None:
    headers = {"Content-Type": "text/csv"}
    if authorization:
        headers["Authorization"] = authorization
    raw = [(key.encode(), value.encode()) for key, value in headers.items()]
    response = client.post("/v1/imports/nodes", content=NODES, headers=raw)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json() == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": "a valid bearer token is needed",
    }


def test_imports_are_off_without_a_token(store: SqlGraphStore) -> None:
    policy = ImportPolicy(token=None, bytes_max=10, rows_max=10)
    with TestClient(build_api(store, import_policy=policy)) as client:
        response = client.post("/v1/imports/nodes", content=NODES, headers=HEADERS)
    assert response.status_code == 403
    assert response.json()["detail"] == "imports are switched off on this server"


@pytest.mark.parametrize("media_type", ["", "application/json", "text/csvx"])
def test_other_media_types_are_refused(client: TestClient, media_type: str) -> None:
    headers = HEADERS | {"Content-Type": media_type}
    response = client.post("/v1/imports/nodes", content=NODES, headers=headers)
    assert response.status_code == 415
    assert response.json()["detail"] == "send the file as text/csv"


@pytest.mark.anyio
async def test_client_that_hangs_up_is_no_error_of_the_service(app: FastAPI) -> None:
    sent: list[Message] = []
    parts: list[Message] = [
        {"type": "http.request", "body": NODES.encode(), "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return parts.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/imports/nodes",
        "query_string": b"",
        "headers": [(key.lower().encode(), value.encode()) for key, value in HEADERS.items()],
    }
    await app(scope, receive, send)
    assert sent[0]["status"] == 499
    (label,) = (
        sample.labels["status"]
        for metric in app.state.registry.collect()
        for sample in metric.samples
        if sample.name == "http_requests_total"
    )
    assert label == "499"
