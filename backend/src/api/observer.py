"""What happens around every request: its id, its line in the log, its metrics, its last resort."""

import logging
import re
import time
import uuid
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from src.api.metrics import UNKNOWN_ROUTE, RequestMetrics
from src.api.problems import internal_error
from src.logs import request_id

REQUEST_ID_HEADER: Final = "X-Request-ID"
"""Header that names a request, in and out."""

OPERATIONAL_PATHS: Final = frozenset({"/health", "/ready", "/metrics"})
"""Paths that machines poll: left out of the metrics, and out of the log unless at DEBUG."""

_log = logging.getLogger(__name__)
# Narrow, because the id is written to logs and sent back.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestObserver:
    """ASGI middleware that accounts for each request, whatever becomes of it."""

    def __init__(self, app: ASGIApp, *, metrics: RequestMetrics) -> None:
        """Wrap ``app`` and record its requests in ``metrics``."""
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection; only HTTP requests are observed."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        given = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
        id_ = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        status: int | None = None

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = id_
            await send(message)

        token = request_id.set(id_)
        try:
            try:
                await self._app(scope, receive, send_observed)
            except Exception:
                _log.exception("request failed")
                if status is not None:
                    raise  # The response has begun: the server can only cut it off.
                await internal_error()(scope, receive, send_observed)
        finally:
            self._record(scope, status, time.perf_counter() - started)
            request_id.reset(token)

    def _record(self, scope: Scope, status: int | None, seconds: float) -> None:
        # A request without a status was cancelled, when the time to shut down ran out.
        recorded = 500 if status is None else status
        path = scope["path"]
        operational = path in OPERATIONAL_PATHS
        route = getattr(scope.get("route"), "path", UNKNOWN_ROUTE)
        if not operational:
            self._metrics.observe(scope["method"], route, recorded, seconds)
        # The query string stays out of the log: people put secrets there.
        _log.log(
            logging.DEBUG if operational else logging.INFO,
            "request",
            extra={
                "method": scope["method"],
                "path": path,
                "route": route,
                "status": recorded,
                "duration_ms": round(seconds * 1000, 3),
            },
        )
