"""Routes that import CSV files."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from src.api.dependencies import CSV_MEDIA_TYPE, ImportFileDependency, StoreDependency
from src.api.problems import ImportRejected, problem_responses
from src.services import importer

_responses = problem_responses(
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    invalid=ImportRejected,
)

router = APIRouter(prefix="/v1/imports", tags=["import"], responses=_responses)


class ImportSummaryOut(BaseModel):
    """What an import did, in rows."""

    model_config = ConfigDict(from_attributes=True)

    created: int = Field(ge=0)
    updated: int = Field(ge=0)
    unchanged: int = Field(ge=0)


def _csv_body(columns: Sequence[str], example: str) -> dict[str, Any]:
    # FastAPI cannot see the body, because a dependency reads it up to the limit.
    text = f"UTF-8, with a header. Columns in any order: {', '.join(columns)}."
    schema = {"type": "string", "description": text}
    content = {CSV_MEDIA_TYPE: {"schema": schema, "example": f"{','.join(columns)}\n{example}\n"}}
    return {"requestBody": {"required": True, "content": content}}


@router.post(
    "/nodes",
    summary="Import nodes",
    description=(
        "Creates nodes, and overwrites those whose id exists. A file with any error is rejected "
        "whole, with all its errors."
    ),
    openapi_extra=_csv_body(importer.NODE_COLUMNS, 'spinach-raw,food,"Spinach, raw",'),
)
def import_nodes(store: StoreDependency, file: ImportFileDependency) -> ImportSummaryOut:
    """Import a file of nodes."""
    summary = importer.import_nodes(store, file.content, rows_max=file.rows_max)
    return ImportSummaryOut.model_validate(summary)


@router.post(
    "/relations",
    summary="Import relations",
    description=(
        "Creates relations between nodes that exist, and gives those that exist their new weight "
        "and unit. A file with any error is rejected whole, with all its errors."
    ),
    openapi_extra=_csv_body(
        importer.RELATION_COLUMNS, "spinach-raw,contains,iron,2.71,mg,usda-fdc"
    ),
)
def import_relations(store: StoreDependency, file: ImportFileDependency) -> ImportSummaryOut:
    """Import a file of relations."""
    summary = importer.import_relations(store, file.content, rows_max=file.rows_max)
    return ImportSummaryOut.model_validate(summary)
