"""Importing CSV files: a file is stored whole, or rejected with everything that is wrong in it."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

from src.domain.errors import (
    ImportRejectedError,
    ImportTooLargeError,
    InvalidFieldsError,
    RowError,
    Violation,
)
from src.domain.graph import Node, Relation, check_endpoints, parse_node, parse_relation
from src.domain.ports import GraphStore

NODE_COLUMNS: Final = ("id", "kind", "name", "description")
"""Columns of a file of nodes; their order in the file does not matter."""

RELATION_COLUMNS: Final = ("subject", "kind", "object", "weight", "unit", "source")
"""Columns of a file of relations; their order in the file does not matter."""

_HEADER_ROW: Final = 1

_Item = TypeVar("_Item", Node, Relation)


class ImportSummary(NamedTuple):
    """What an import did, in rows."""

    created: int
    updated: int
    unchanged: int


class _Row(NamedTuple):
    number: int
    fields: Mapping[str, str]


def import_nodes(store: GraphStore, content: bytes, *, rows_max: int) -> ImportSummary:
    """Store the nodes of a CSV file; a node that exists is overwritten, but keeps its kind.

    Raises:
        ImportRejectedError: the file has errors; all of them are listed and nothing was stored.
        ImportTooLargeError: the file has more than ``rows_max`` rows.
    """
    errors: list[RowError] = []
    rows = _read(content, NODE_COLUMNS, rows_max, errors)
    parsed = _parse(rows, parse_node, lambda node: node.id, "id", errors)
    with store.writing() as writer:
        stored = writer.nodes([node.id for node in parsed.values()])
        for number, node in parsed.items():
            known = stored.get(node.id)
            if known is not None and known.kind is not node.kind:
                message = f"`{node.id}` is a {known.kind} already; a node cannot change its kind"
                errors.append(RowError(number, "kind", message))
        _raise_if_any(errors)
        changed = [node for node in parsed.values() if stored.get(node.id) != node]
        writer.save_nodes(changed)
    return _summary(len(parsed), len(changed), sum(node.id in stored for node in changed))


def import_relations(store: GraphStore, content: bytes, *, rows_max: int) -> ImportSummary:
    """Store the relations of a CSV file; one with a known key gets its new weight and unit.

    The nodes that a relation names must be in the graph already.

    Raises:
        ImportRejectedError: the file has errors; all of them are listed and nothing was stored.
        ImportTooLargeError: the file has more than ``rows_max`` rows.
    """
    errors: list[RowError] = []
    rows = _read(content, RELATION_COLUMNS, rows_max, errors)
    parsed = _parse(rows, parse_relation, lambda relation: relation.key, None, errors)
    with store.writing() as writer:
        named = {id_ for r in parsed.values() for id_ in (r.subject, r.object, r.source)}
        kinds = {node.id: node.kind for node in writer.nodes(named).values()}
        for number, relation in parsed.items():
            errors += _at(number, check_endpoints(relation, kinds))
        _raise_if_any(errors)
        stored = writer.relations([relation.key for relation in parsed.values()])
        changed = [r for r in parsed.values() if stored.get(r.key) != r]
        writer.save_relations(changed)
    return _summary(len(parsed), len(changed), sum(r.key in stored for r in changed))


def _read(
    content: bytes, columns: Sequence[str], rows_max: int, errors: list[RowError]
) -> Iterator[_Row]:
    # Bytes that are no UTF-8 become surrogates, which the rules for the fields report with their
    # row and column; decoding strictly would stop at the first and know neither.
    text = content.decode("utf-8-sig", errors="surrogateescape")
    header: list[str] | None = None
    number = 0
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(text, newline=""), strict=True), 1):
            if header is None:
                header = [cell.strip() for cell in cells]
                faults = _header_faults(header, columns)
                if faults:
                    errors += faults
                    return
            elif number - _HEADER_ROW > rows_max:
                message = f"the file has more than {rows_max} rows"
                raise ImportTooLargeError(message)
            elif len(cells) == len(header):
                yield _Row(number, dict(zip(header, cells, strict=True)))
            elif cells:
                message = f"has {len(cells)} fields, but the header has {len(header)}"
                errors.append(RowError(number, None, message))
    except csv.Error as error:
        # Where quoting is broken nobody knows where the next row begins.
        message = f"{error}; the file could not be read from here on"
        errors.append(RowError(number + 1, None, message))
    else:
        if header is None:
            errors += _header_faults((), columns)


def _header_faults(header: Sequence[str], columns: Sequence[str]) -> list[RowError]:
    missing = [RowError(_HEADER_ROW, c, "is missing") for c in columns if c not in header]
    unknown = [RowError(_HEADER_ROW, c, "is unknown") for c in header if c not in columns]
    repeated = {c for c in header if c in columns and header.count(c) > 1}
    return missing + unknown + [RowError(_HEADER_ROW, c, "is repeated") for c in sorted(repeated)]


def _parse(
    rows: Iterator[_Row],
    parse: Callable[[Mapping[str, str]], _Item],
    key: Callable[[_Item], object],
    key_column: str | None,
    errors: list[RowError],
) -> dict[int, _Item]:
    parsed: dict[int, _Item] = {}
    first_seen: dict[object, int] = {}
    for number, fields in rows:
        try:
            item = parse(fields)
        except InvalidFieldsError as error:
            errors += _at(number, error.violations)
            continue
        earlier = first_seen.setdefault(key(item), number)
        if earlier == number:
            parsed[number] = item
        else:
            errors.append(RowError(number, key_column, f"repeats row {earlier}"))
    return parsed


def _at(number: int, violations: Sequence[Violation]) -> list[RowError]:
    return [RowError(number, violation.field, violation.message) for violation in violations]


def _raise_if_any(errors: list[RowError]) -> None:
    if errors:
        # Rules that need the database are checked last; the reader wants the order of the file.
        raise ImportRejectedError(sorted(errors, key=lambda error: error.row))


def _summary(rows: int, changed: int, updated: int) -> ImportSummary:
    return ImportSummary(created=changed - updated, updated=updated, unchanged=rows - changed)
