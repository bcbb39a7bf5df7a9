"""Errors over HTTP: problem details as RFC 9457 describes them."""

from http import HTTPStatus
from typing import Any, Final, NamedTuple

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from src.domain.errors import (
    GraphError,
    ImportRejectedError,
    ImportTooLargeError,
    NodeNotFoundError,
    StoreUnavailableError,
)

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"
CLIENT_CLOSED_REQUEST: Final = 499
"""Status that is recorded when a client hangs up; it never reaches anybody."""

_TYPE_PREFIX: Final = "tag:vitalyst.io,2025:problem/"
_RETRY_AFTER_SECONDS: Final = "5"


class FieldError(BaseModel):
    """One thing that is wrong with a request."""

    location: str = Field(
        description="Where it is, e.g. a query parameter.", examples=["query.limit"]
    )
    message: str = Field(examples=["Input should be less than or equal to 500"])


class ImportRowError(BaseModel):
    """One thing that is wrong with a file."""

    row: int = Field(description="Row as spreadsheets count: the header is row 1.", examples=[7])
    column: str | None = Field(
        description="Name of the column; null when the whole row is meant.", examples=["weight"]
    )
    message: str = Field(examples=["must be a decimal number, such as `2.7`"])


class Problem(BaseModel):
    """An error, as RFC 9457 describes it."""

    type: str = Field(
        default="about:blank",
        description="Identifies the kind of problem; `about:blank` means what the status means.",
        examples=[f"{_TYPE_PREFIX}node-not-found"],
    )
    title: str = Field(description="The kind of problem in words.", examples=["Node not found"])
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str | None = Field(
        default=None, description="This occurrence.", examples=["there is no node `almnd`"]
    )


class InvalidRequest(Problem):
    """A request that breaks the description of its route."""

    errors: list[FieldError] = Field(description="Everything that is wrong with the request.")


class ImportRejected(Problem):
    """A file that has errors; nothing of it was stored."""

    errors: list[ImportRowError] = Field(description="Everything that is wrong, ordered by row.")


class _Kind(NamedTuple):
    slug: str
    title: str
    status: HTTPStatus


_KINDS: Final[dict[type[GraphError], _Kind]] = {
    NodeNotFoundError: _Kind("node-not-found", "Node not found", HTTPStatus.NOT_FOUND),
    ImportRejectedError: _Kind(
        "import-rejected", "Import rejected", HTTPStatus.UNPROCESSABLE_ENTITY
    ),
    ImportTooLargeError: _Kind(
        "import-too-large", "Import too large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    ),
    StoreUnavailableError: _Kind(
        "store-unavailable", "Database unavailable", HTTPStatus.SERVICE_UNAVAILABLE
    ),
}


def problem_response(problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return the response that carries ``problem``."""
    members = {name: value for name, value in problem.model_dump().items() if value is not None}
    return JSONResponse(members, problem.status, headers=headers, media_type=PROBLEM_MEDIA_TYPE)


def internal_error() -> JSONResponse:
    """Return the response to an error that nobody foresaw; what it was stands in the log alone."""
    return problem_response(Problem(title="Internal Server Error", status=500))


def problem_responses(
    *statuses: HTTPStatus, invalid: type[Problem] = InvalidRequest
) -> dict[int | str, Any]:
    """Return the ``responses`` of a route that answers with problems of these statuses.

    Every route may find its request invalid (422, described by the model ``invalid``) or the
    database unavailable (503).
    """
    plain = dict.fromkeys((*statuses, HTTPStatus.SERVICE_UNAVAILABLE), Problem)
    models = plain | {HTTPStatus.UNPROCESSABLE_ENTITY: invalid}
    return {
        int(status): {"model": model, "description": status.phrase}
        for status, model in models.items()
    }


def install_problem_handlers(app: FastAPI) -> None:
    """Make ``app`` answer every error with a problem, and say so in its OpenAPI description."""
    app.exception_handler(GraphError)(_on_graph_error)
    app.exception_handler(RequestValidationError)(_on_invalid_request)
    app.exception_handler(HTTPException)(_on_http_exception)
    app.exception_handler(ClientDisconnect)(_on_disconnect)
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _name_problem_media_type(describe())
        return describe()

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def _name_problem_media_type(schema: dict[str, Any]) -> None:
    # FastAPI describes every model as JSON; errors are sent as problems.
    for operations in schema["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if status >= "400":
                    content = response["content"]
                    content[PROBLEM_MEDIA_TYPE] = content.pop("application/json")


def _on_graph_error(_: Request, error: GraphError) -> Response:
    kind = _KINDS[type(error)]
    members: dict[str, Any] = {
        "type": f"{_TYPE_PREFIX}{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": str(error),
    }
    if isinstance(error, ImportRejectedError):
        rows = [ImportRowError(**row._asdict()) for row in error.errors]
        return problem_response(ImportRejected(**members, errors=rows))
    unavailable = isinstance(error, StoreUnavailableError)
    headers = {"Retry-After": _RETRY_AFTER_SECONDS} if unavailable else None
    return problem_response(Problem(**members), headers)


def _on_invalid_request(_: Request, error: RequestValidationError) -> Response:
    # The values stay out: they may be secret, and the client knows them.
    errors = [
        FieldError(location=".".join(map(str, e["loc"])), message=e["msg"]) for e in error.errors()
    ]
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    detail = "the request does not fit the description of this route"
    problem = InvalidRequest(
        type=f"{_TYPE_PREFIX}invalid-request",
        title="Invalid request",
        status=status,
        detail=detail,
        errors=errors,
    )
    return problem_response(problem)


def _on_http_exception(_: Request, error: HTTPException) -> Response:
    title = HTTPStatus(error.status_code).phrase
    detail = error.detail if error.detail != title else None
    problem = Problem(title=title, status=error.status_code, detail=detail)
    return problem_response(problem, dict(error.headers or {}))


def _on_disconnect(_: Request, __: ClientDisconnect) -> Response:
    # Not an error of the service: it must not count as one.
    return Response(status_code=CLIENT_CLOSED_REQUEST)
