"""Requests that end badly are accounted for all the same."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry
from starlette.types import Message, Receive, Scope, Send

from src.api.metrics import RequestMetrics
from src.api.observer import RequestObserver


async def _breaks_off(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise LookupError("in the middle of the response")


async def _is_cancelled(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise asyncio.CancelledError


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("app", "error", "status"),
    [(_breaks_off, LookupError, "200"), (_is_cancelled, asyncio.CancelledError, "500")],
)
async def test_what_cannot_be_answered_is_passed_on_and_counted(
    app: RequestObserver, error: type[BaseException], status: str
) -> None:
    registry = CollectorRegistry()
    observer = RequestObserver(app, metrics=RequestMetrics(registry))
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    with pytest.raises(error):
        await observer(scope, receive, send)
    # No second response is begun.
    assert len(sent) == (1 if status == "200" else 0)
    labels = {"method": "GET", "route": "unknown", "status": status}
    assert registry.get_sample_value("http_requests_total", labels) == 1
