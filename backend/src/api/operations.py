"""Routes for machines that run the service: is it alive, is it ready, how is it doing."""

from http import HTTPStatus
from typing import Any, Final, Literal

from fastapi import APIRouter, HTTPException, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from src.api.dependencies import StoreDependency
from src.api.problems import Problem

router = APIRouter(tags=["operations"])

_NOT_READY: Final[dict[int | str, dict[str, Any]]] = {
    503: {"model": Problem, "description": "Not ready; the detail says why."}
}


class Health(BaseModel):
    """The process is alive."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """The service can take requests."""

    status: Literal["ready"] = "ready"


@router.get(
    "/health",
    summary="Is the process alive?",
    description="Looks at nothing but the process: restarting it would not mend a database.",
)
async def get_health() -> Health:
    """Answer that the process is alive."""
    return Health()


@router.get(
    "/ready",
    summary="Can the service take requests?",
    description="Whether the database answers and its schema is new enough.",
    responses=_NOT_READY,
)
def get_readiness(store: StoreDependency) -> Readiness:
    """Answer whether the database can serve."""
    reason = store.unready_reason()
    if reason is not None:
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, reason)
    return Readiness()


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    description="Requests by route and status, and the process's CPU time and memory, as text.",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def get_metrics(request: Request) -> Response:
    """Answer with the metrics in Prometheus's text format."""
    text = generate_latest(request.app.state.registry)
    return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})
