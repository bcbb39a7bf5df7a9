"""The command line: migrate, seed, serve, and how the server stops."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.request import urlopen

import pytest
from sqlalchemy import URL, make_url

from src.__main__ import main
from src.domain.graph import NodeKind
from src.storage.database import open_engine, open_migration_engine
from src.storage.schema import upgrade
from src.storage.store import SqlGraphStore

ROOT = Path(__file__).resolve().parents[1]
TOKEN = "a token of the tests"
TIMEOUT_SECONDS = 20


@pytest.fixture
def _logging() -> Iterator[None]:
    """Take back what the command line does to the logging of the process."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def _address(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def _log(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


@pytest.mark.usefixtures("_logging")
def test_migrate_then_seed_fills_the_graph_and_can_be_repeated(
    empty_url: URL, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", _address(empty_url))

    assert main(["seed"]) == 1
    entry = _log(capsys.readouterr().out)[-1]
    assert (entry["level"], entry["logger"]) == ("ERROR", "src")
    assert entry["message"].startswith("seed failed: ")

    assert [main(["migrate"]), main(["migrate"])] == [0, 0]
    messages = [entry["message"] for entry in _log(capsys.readouterr().out)]
    assert messages == ["schema upgraded", "schema is up to date"]

    assert [main(["seed"]), main(["seed"])] == [0, 0]
    entries = _log(capsys.readouterr().out)
    assert [entry["file"] for entry in entries] == ["nodes", "relations"] * 2
    for before, after in zip(entries[:2], entries[2:], strict=True):
        assert before["rows"]["created"] > 0
        assert after["rows"] == {
            "created": 0,
            "updated": 0,
            "unchanged": before["rows"]["created"],
        }
    engine = open_engine(empty_url)
    with SqlGraphStore(engine).reading() as reader:
        assert all(reader.page(kind=kind, after=None, limit=1) for kind in NodeKind)
    engine.dispose()


@pytest.mark.usefixtures("_logging")
def test_the_description_needs_no_database(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:////nonexistent/graph.db")
    assert main(["openapi"]) == 0
    description = json.loads(capsys.readouterr().out)
    assert description["paths"]["/v1/nodes/{node_id}"]["get"]["summary"]


def test_unusable_environment_is_refused_before_anything_happens(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://u:hunter2@host/db")
    monkeypatch.setenv("VITALYST_PORT", "x")
    assert main([]) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.splitlines()[0] == "error: the environment is not usable"
    names = [line.partition(":")[0] for line in errors.splitlines()[1:]]
    assert names == ["DATABASE_URL", "VITALYST_PORT"]
    assert "hunter2" not in errors


def test_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["destroy"])
    assert "invalid choice: 'destroy'" in capsys.readouterr().err


def test_sigterm_lets_the_request_in_flight_finish_and_exits_with_0(tmp_path: Path) -> None:
    """A real server: it logs every request, but never a query string."""
    url = make_url(f"sqlite:///{tmp_path}/graph.db")
    upgrade(open_migration_engine(url))
    body = b"id,kind,name,description\niron,nutrient,Iron,\n"
    head = (
        "POST /v1/imports/nodes HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
        f"Authorization: Bearer {TOKEN}\r\nExpect: 100-continue\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with _serving(url) as (process, port):
        search = f"http://127.0.0.1:{port}/v1/search?q=hunter2"
        with urlopen(search, timeout=TIMEOUT_SECONDS) as answer:
            search_id = answer.headers["X-Request-ID"]

        with socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS) as connection:
            connection.sendall(head.encode())
            # The application asks for the body: now the request is in flight.
            assert connection.recv(1000).startswith(b"HTTP/1.1 100")
            connection.sendall(body[:10])
            process.send_signal(signal.SIGTERM)
            _wait_until_refused(port)
            connection.sendall(body[10:])
            response = b"".join(iter(lambda: connection.recv(1000), b""))
        output, errors = process.communicate(timeout=TIMEOUT_SECONDS)

    assert response.startswith(b"HTTP/1.1 200 OK")
    assert response.endswith(b'{"created":1,"updated":0,"unchanged":0}')
    assert (process.returncode, errors) == (0, "")
    requests = [entry for entry in _log(output) if entry["message"] == "request"]
    assert [(entry["path"], entry["status"]) for entry in requests] == [
        ("/v1/search", 200),
        ("/v1/imports/nodes", 200),
    ]
    assert requests[0]["request_id"] == search_id
    assert "hunter2" not in output


@contextmanager
def _serving(url: URL) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Serve on a free port; yield the process and its port once it listens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "src", "serve"],
        cwd=ROOT,
        env=os.environ
        | {
            "DATABASE_URL": _address(url),
            "VITALYST_PORT": "0",
            "VITALYST_IMPORT_TOKEN": TOKEN,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        yield process, _port(process.stdout)
    finally:
        process.kill()
        process.communicate()


def _port(log: IO[str]) -> int:
    for line in log:
        message: str = json.loads(line)["message"]
        if message.startswith("Uvicorn running on"):
            return int(message.split()[3].rpartition(":")[2])
    pytest.fail("the server ended before it listened")


def _wait_until_refused(port: int) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.02)
    pytest.fail("the server still listens after SIGTERM")
