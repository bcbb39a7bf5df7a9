"""Health, readiness, metrics, and what is observed of every request."""

import json
import logging
import resource
import sys
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import make_url
from starlette.testclient import TestClient

from src.api.app import build_api
from src.api.dependencies import ImportPolicy
from src.api.metrics import maxrss_unit_bytes, register_process_metrics
from src.logs import JsonFormatter
from src.storage.database import open_engine
from src.storage.store import SqlGraphStore

POLICY = ImportPolicy(token=None, bytes_max=1, rows_max=1)


@pytest.fixture
def away() -> Iterator[TestClient]:
    """A client of an application whose database is not there."""
    store = SqlGraphStore(open_engine(make_url("sqlite:////nonexistent/graph.db")))
    with TestClient(build_api(store, import_policy=POLICY)) as client:
        yield client


@pytest.fixture
def _bug(app: FastAPI) -> None:
    """Give the application a route that has a bug."""

    @app.get("/v1/bug")
    def get_bug() -> None:
        message = "the password is hunter2"
        raise LookupError(message)


def _count(registry: CollectorRegistry, method: str, route: str, status: str) -> float | None:
    labels = {"method": method, "route": route, "status": status}
    return registry.get_sample_value("http_requests_total", labels)


def _requests(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    return [vars(record) for record in caplog.records if record.message == "request"]


def test_healthy_and_ready(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "ok"}
    response = client.get("/ready")
    assert (response.status_code, response.json()) == (200, {"status": "ready"})


def test_without_a_database_healthy_but_not_ready(away: TestClient) -> None:
    assert away.get("/health").status_code == 200
    response = away.get("/ready")
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "the database does not answer",
    }


def test_without_a_database_requests_are_told_to_come_back(away: TestClient) -> None:
    response = away.get("/v1/nodes")
    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"
    assert response.json()["type"] == "tag:vitalyst.io,2025:problem/store-unavailable"


def test_metrics_count_requests_by_template(
    client: TestClient, registry: CollectorRegistry
) -> None:
    for id_ in ("a", "b"):
        client.get(f"/v1/nodes/{id_}")
    client.get("/v1/nodes?limit=0")
    client.delete("/v1/nodes/a")
    client.get("/guess/1")
    client.get("/guess/2")
    client.request("BREW", "/guess/3")

    template = "/v1/nodes/{node_id}"
    assert _count(registry, "GET", template, "404") == 2
    assert _count(registry, "GET", "/v1/nodes", "422") == 1
    assert _count(registry, "DELETE", template, "405") == 1
    assert _count(registry, "GET", "unknown", "404") == 2
    assert _count(registry, "OTHER", "unknown", "404") == 1
    labels = {"method": "GET", "route": template}
    assert registry.get_sample_value("http_request_duration_seconds_count", labels) == 2
    bounds = ["0.005", "0.1", "0.25", "0.5", "1.0", "10.0", "+Inf"]
    for bound in bounds:
        name = "http_request_duration_seconds_bucket"
        assert registry.get_sample_value(name, labels | {"le": bound}) is not None


def test_polling_is_not_counted(
    client: TestClient, registry: CollectorRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for path in ("/health", "/ready", "/metrics"):
        assert client.get(path).status_code == 200
    samples = {s.name for metric in registry.collect() for s in metric.samples}
    assert "http_requests_total" not in samples
    assert _requests(caplog) == []


def test_metrics_are_served_as_text(client: TestClient) -> None:
    client.get("/v1/nodes")
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    families = {family.name: family for family in text_string_to_metric_families(response.text)}
    (cpu,) = families["process_cpu_seconds"].samples
    (memory,) = families["process_resident_memory_bytes"].samples
    assert cpu.value > 0
    assert memory.value > 1e6
    (count,) = (s for s in families["http_requests"].samples if s.name == "http_requests_total")
    assert count.labels == {"method": "GET", "route": "/v1/nodes", "status": "200"}


def test_applications_count_apart(client: TestClient, store: SqlGraphStore) -> None:
    client.get("/v1/nodes")
    other = build_api(store, import_policy=POLICY)
    assert _count(other.state.registry, "GET", "/v1/nodes", "200") is None


def test_process_metrics_without_proc() -> None:
    registry = CollectorRegistry()
    register_process_metrics(registry, proc="/nonexistent")
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = registry.get_sample_value("process_cpu_seconds_total")
    assert cpu == pytest.approx(used.ru_utime + used.ru_stime, abs=1)
    memory = registry.get_sample_value("process_resident_memory_bytes")
    assert memory == pytest.approx(used.ru_maxrss * maxrss_unit_bytes(sys.platform), rel=0.1)
    assert (maxrss_unit_bytes("darwin"), maxrss_unit_bytes("linux")) == (1, 1024)


def test_well_formed_request_id_is_kept(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    # Not of the test's own client, which logs whole addresses.
    caplog.set_level(logging.INFO, logger="src")
    caplog.handler.setFormatter(JsonFormatter())
    response = client.get("/v1/nodes?token=hunter2", headers={"X-Request-ID": "trace-1.2_3"})
    assert response.headers["x-request-id"] == "trace-1.2_3"
    (line,) = (line for line in caplog.text.splitlines() if '"request"' in line)
    entry = json.loads(line)
    assert entry.pop("duration_ms") > 0
    assert entry.pop("time").endswith("+00:00")
    assert entry == {
        "level": "INFO",
        "logger": "src.api.observer",
        "message": "request",
        "request_id": "trace-1.2_3",
        "method": "GET",
        "path": "/v1/nodes",
        "route": "/v1/nodes",
        "status": 200,
    }
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize("given", [None, "", "x" * 65, "two words", 'quote"', "ünïcode"])
def test_other_request_ids_are_replaced(client: TestClient, given: str | None) -> None:
    headers = [] if given is None else [(b"x-request-id", given.encode())]
    first, second = (client.get("/health", headers=headers) for _ in range(2))
    ids = [response.headers["x-request-id"] for response in (first, second)]
    assert ids[0] != ids[1]
    assert all(len(id_) == 32 and id_.isalnum() for id_ in ids)


@pytest.mark.usefixtures("_bug")
def test_bug_is_answered_logged_and_counted(
    client: TestClient,
    registry: CollectorRegistry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    response = client.get("/v1/bug", headers={"Origin": "https://explorer.example"})
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["access-control-allow-origin"] == "https://explorer.example"
    assert response.json() == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
    }
    assert "x-request-id" in response.headers
    assert "hunter2" in caplog.text
    assert _count(registry, "GET", "/v1/bug", "500") == 1


def test_unknown_route_is_a_problem(client: TestClient) -> None:
    response = client.get("/v1/nothing")
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {"type": "about:blank", "title": "Not Found", "status": 404}


def test_wrong_method_is_a_problem_that_names_the_right_one(client: TestClient) -> None:
    response = client.post("/v1/nodes/iron")
    assert (response.status_code, response.headers["allow"]) == (405, "GET")
    assert response.json()["title"] == "Method Not Allowed"


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [("https://explorer.example", "https://explorer.example"), ("https://evil.example", None)],
)
def test_only_known_origins_may_call(client: TestClient, origin: str, allowed: str | None) -> None:
    response = client.get("/health", headers={"Origin": origin})
    assert response.headers.get("access-control-allow-origin") == allowed
