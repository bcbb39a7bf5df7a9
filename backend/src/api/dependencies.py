"""What routes are given: the store, and the file of an import once its sender may send one."""

import secrets
from http import HTTPStatus
from typing import Annotated, Final, NamedTuple

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from src.domain.errors import ImportTooLargeError
from src.domain.ports import GraphStore

CSV_MEDIA_TYPE: Final = "text/csv"


class ImportPolicy(NamedTuple):
    """Who may import, and how much at once."""

    token: str | None
    """Bearer token to show; ``None`` switches imports off."""

    bytes_max: int
    rows_max: int


class ImportFile(NamedTuple):
    """A file that may be imported."""

    content: bytes
    rows_max: int


_bearer = HTTPBearer(auto_error=False, description="The token set as `VITALYST_IMPORT_TOKEN`.")


def _store(request: Request) -> GraphStore:
    store: GraphStore = request.app.state.store
    return store


def _import_policy(request: Request) -> ImportPolicy:
    policy: ImportPolicy = request.app.state.import_policy
    return policy


def _authorize_import(
    policy: Annotated[ImportPolicy, Depends(_import_policy)],
    shown: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> None:
    if policy.token is None:
        raise HTTPException(HTTPStatus.FORBIDDEN, "imports are switched off on this server")
    given = shown.credentials if shown else ""
    if not secrets.compare_digest(given.encode(), policy.token.encode()):
        raise HTTPException(
            HTTPStatus.UNAUTHORIZED,
            "a valid bearer token is needed",
            headers={"WWW-Authenticate": "Bearer"},
        )


async def _import_file(
    request: Request,
    policy: Annotated[ImportPolicy, Depends(_import_policy)],
    _authorized: Annotated[None, Depends(_authorize_import)],
) -> ImportFile:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != CSV_MEDIA_TYPE:
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send the file as {CSV_MEDIA_TYPE}")
    content = bytearray()
    # Counted while it arrives: a length that the client declares need not be true.
    async for chunk in request.stream():
        content += chunk
        if len(content) > policy.bytes_max:
            message = f"the file has more than {policy.bytes_max} bytes"
            raise ImportTooLargeError(message)
    return ImportFile(bytes(content), policy.rows_max)


StoreDependency = Annotated[GraphStore, Depends(_store)]
"""The store of the application."""

ImportFileDependency = Annotated[ImportFile, Depends(_import_file)]
"""The body of the request, read up to the limit after its sender was recognised."""
