"""Errors of the domain. The API turns each into a problem; nothing else is raised on purpose."""

from collections.abc import Sequence
from typing import NamedTuple


class Violation(NamedTuple):
    """One field that breaks a rule."""

    field: str
    message: str


class RowError(NamedTuple):
    """One thing that is wrong with a file of an import."""

    row: int
    """Row as spreadsheets count them: the header is row 1, blank rows count."""

    column: str | None
    """Name of the column, or ``None`` when the whole row is meant."""

    message: str


class GraphError(Exception):
    """Anything that the domain refuses or cannot do."""


class InvalidFieldsError(GraphError):
    """Texts do not make a node or a relation."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        """Keep every violation, in the order in which they were found."""
        super().__init__("; ".join(f"{v.field} {v.message}" for v in violations))
        self.violations = tuple(violations)


class NodeNotFoundError(GraphError):
    """No node has this id."""

    def __init__(self, node_id: str) -> None:
        """Name the missing node."""
        super().__init__(f"there is no node `{node_id}`")
        self.node_id = node_id


class ImportRejectedError(GraphError):
    """A file of an import has errors, so nothing of it was stored."""

    def __init__(self, errors: Sequence[RowError]) -> None:
        """Keep every error, ordered by row."""
        super().__init__(f"the file has {len(errors)} error(s); nothing was stored")
        self.errors = tuple(errors)


class ImportTooLargeError(GraphError):
    """A file of an import is longer than the service accepts."""


class StoreUnavailableError(GraphError):
    """The database does not answer, or is held by another writer; trying later may help."""
