"""The OpenAPI description says what the API does."""

from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import make_url

from src.api.app import build_api
from src.api.dependencies import ImportPolicy
from src.storage.database import open_engine
from src.storage.store import SqlGraphStore

PATHS = {
    "/health": "get",
    "/metrics": "get",
    "/ready": "get",
    "/v1/imports/nodes": "post",
    "/v1/imports/relations": "post",
    "/v1/nodes": "get",
    "/v1/nodes/{node_id}": "get",
    "/v1/nodes/{node_id}/neighbours": "get",
    "/v1/search": "get",
}


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    store = SqlGraphStore(open_engine(make_url("sqlite:////nonexistent/graph.db")))
    policy = ImportPolicy(token=None, bytes_max=1, rows_max=1)
    app: FastAPI = build_api(store, import_policy=policy)
    assert app.openapi() is app.openapi()
    return app.openapi()


def test_every_operation_is_described(description: dict[str, Any]) -> None:
    described = {
        path: method
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
        if operation["summary"] and operation["description"] and operation["tags"]
    }
    assert described == PATHS


def test_every_error_is_a_problem(description: dict[str, Any]) -> None:
    models = set()
    for path, method in PATHS.items():
        responses = description["paths"][path][method]["responses"]
        errors = {status: body for status, body in responses.items() if status >= "400"}
        if path.startswith("/v1/"):
            assert {"422", "503"} <= errors.keys()
        for body in errors.values():
            ((media_type, content),) = body["content"].items()
            assert media_type == "application/problem+json"
            models.add(content["schema"]["$ref"].rpartition("/")[2])
    assert models == {"Problem", "InvalidRequest", "ImportRejected"}
    assert "HTTPValidationError" not in description["components"]["schemas"]


def test_imports_take_csv_and_a_token(description: dict[str, Any]) -> None:
    for kind in ("nodes", "relations"):
        operation = description["paths"][f"/v1/imports/{kind}"]["post"]
        assert list(operation["requestBody"]["content"]) == ["text/csv"]
        assert operation["security"] == [{"HTTPBearer": []}]
        assert operation["responses"].keys() >= {"401", "403", "413", "415"}


def test_every_parameter_is_described(description: dict[str, Any]) -> None:
    parameters = [
        parameter
        for path, method in PATHS.items()
        for parameter in description["paths"][path][method].get("parameters", [])
    ]
    assert {parameter["name"] for parameter in parameters} == {
        "after", "depth", "direction", "kind", "limit", "node_id", "q", "relation",
    }  # fmt: skip
    assert all(parameter["description"] for parameter in parameters)
