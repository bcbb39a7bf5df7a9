"""Vocabulary and rules of the graph: nodes, relations, and which relation may join which nodes."""

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, TypeVar

from src.domain.errors import InvalidFieldsError, Violation

ID_PATTERN: Final = r"^[a-z0-9]+(?:-[a-z0-9]+)*$"
"""Shape of a node id: lower-case ASCII words joined by single hyphens, e.g. ``vitamin-c``."""

ID_LENGTH_MAX: Final = 64
"""Longest node id, in characters."""

NAME_LENGTH_MAX: Final = 200
"""Longest node name, in characters."""

DESCRIPTION_LENGTH_MAX: Final = 2000
"""Longest node description, in characters."""

WEIGHT_MIN: Final = 1e-9
"""Smallest weight in any unit: an amount below it is noise, not a fact."""

_Member = TypeVar("_Member", bound=StrEnum)

_ID = re.compile(ID_PATTERN)
# `float` alone would also take "nan", "1_000", "٣" and " 1".
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


class NodeKind(StrEnum):
    """What a node stands for."""

    FOOD = "food"
    NUTRIENT = "nutrient"
    COMPOUND = "compound"
    SOURCE = "source"


class RelationKind(StrEnum):
    """What a relation says about its subject and its object."""

    CONTAINS = "contains"
    """100 g of the edible part of the subject hold the weight of the object."""

    CONVERTS_TO = "converts_to"
    """The body makes the weight of the object from one unit of mass of the subject."""

    ENHANCES = "enhances"
    """The subject raises the uptake of the object; the weight is the editors' grade."""

    INHIBITS = "inhibits"
    """The subject lowers the uptake of the object; the weight is the editors' grade."""


class Unit(StrEnum):
    """Unit of a weight, by its UCUM code where there is one."""

    GRAM = "g"
    MILLIGRAM = "mg"
    MICROGRAM = "ug"
    KILOCALORIE = "kcal"
    RATIO = "ratio"


class Direction(StrEnum):
    """Which way relations are followed from a node."""

    OUT = "out"
    IN = "in"
    BOTH = "both"


class RelationRule(NamedTuple):
    """Which nodes a relation kind may join, and how much it may weigh."""

    subjects: frozenset[NodeKind]
    objects: frozenset[NodeKind]
    weight_max: Mapping[Unit, float]
    """Largest weight by unit; a unit that is missing here is not allowed."""


_SUBSTANCES: Final = frozenset({NodeKind.NUTRIENT, NodeKind.COMPOUND})

RELATION_RULES: Final[Mapping[RelationKind, RelationRule]] = {
    # More than 100 g in 100 g, or than the 900 kcal of pure fat, is a slip of the pen.
    RelationKind.CONTAINS: RelationRule(
        subjects=frozenset({NodeKind.FOOD}),
        objects=_SUBSTANCES,
        weight_max={
            Unit.GRAM: 100.0,
            Unit.MILLIGRAM: 1e5,
            Unit.MICROGRAM: 1e8,
            Unit.KILOCALORIE: 900.0,
        },
    ),
    RelationKind.CONVERTS_TO: RelationRule(
        subjects=_SUBSTANCES, objects=_SUBSTANCES, weight_max={Unit.RATIO: 1.0}
    ),
    RelationKind.ENHANCES: RelationRule(
        subjects=_SUBSTANCES, objects=_SUBSTANCES, weight_max={Unit.RATIO: 1.0}
    ),
    RelationKind.INHIBITS: RelationRule(
        subjects=_SUBSTANCES, objects=_SUBSTANCES, weight_max={Unit.RATIO: 1.0}
    ),
}
"""The rule of every relation kind."""


@dataclass(frozen=True, slots=True)
class Node:
    """A thing that the graph knows."""

    id: str
    """Slug that never changes, such as ``vitamin-c``."""

    kind: NodeKind
    name: str
    description: str = ""


class RelationKey(NamedTuple):
    """What makes a relation unique: each source may state a fact once."""

    subject: str
    kind: RelationKind
    object: str
    source: str


@dataclass(frozen=True, slots=True)
class Relation:
    """A weighted statement about two nodes, with the source that makes it."""

    subject: str
    """Id of the node that the statement is about."""

    kind: RelationKind
    object: str
    """Id of the node that it relates the subject to."""

    weight: float
    """Greater than 0; what it measures depends on the kind."""

    unit: Unit
    """Unit of the weight."""

    source: str
    """Id of the node of kind ``source`` that says so."""

    @property
    def key(self) -> RelationKey:
        """The key of the relation, without its weight."""
        return RelationKey(self.subject, self.kind, self.object, self.source)


def fold(text: str) -> str:
    """Return ``text`` as search compares it: without case, accents and surrounding white space."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c)).strip()


def parse_node(fields: Mapping[str, str]) -> Node:
    """Make a node of the texts that are named like its fields.

    Surrounding white space is dropped and names are brought to Unicode form NFC.

    Raises:
        InvalidFieldsError: with every violation that was found, not only the first.
    """
    violations: list[Violation] = []
    node_id = _id(fields, "id", violations)
    kind = _member(NodeKind, fields, "kind", violations)
    name = _text(fields, "name", NAME_LENGTH_MAX, violations)
    if not name:
        violations.append(Violation("name", "must not be empty"))
    description = _text(fields, "description", DESCRIPTION_LENGTH_MAX, violations, allowed="\n\t")
    if violations or kind is None:
        raise InvalidFieldsError(violations)
    return Node(node_id, kind, name, description)


def parse_relation(fields: Mapping[str, str]) -> Relation:
    """Make a relation of the texts that are named like its fields.

    Raises:
        InvalidFieldsError: with every violation that was found, not only the first.
    """
    violations: list[Violation] = []
    subject = _id(fields, "subject", violations)
    kind = _member(RelationKind, fields, "kind", violations)
    object_ = _id(fields, "object", violations)
    if subject and subject == object_:
        violations.append(Violation("object", "must differ from the subject"))
    weight = _weight(fields["weight"].strip(), violations)
    unit = _member(Unit, fields, "unit", violations)
    if kind is not None and unit is not None:
        limit = RELATION_RULES[kind].weight_max.get(unit)
        if limit is None:
            allowed = ", ".join(RELATION_RULES[kind].weight_max)
            violations.append(
                Violation("unit", f"`{kind}` is measured in {allowed}, not in {unit}")
            )
        elif weight is not None and weight > limit:
            violations.append(Violation("weight", f"must be at most {limit:g} {unit} for `{kind}`"))
    source = _id(fields, "source", violations)
    if violations or kind is None or weight is None or unit is None:
        raise InvalidFieldsError(violations)
    return Relation(subject, kind, object_, weight, unit, source)


def check_endpoints(relation: Relation, kinds: Mapping[str, NodeKind]) -> list[Violation]:
    """Return what is wrong with the nodes that ``relation`` names.

    Args:
        relation: the relation to check.
        kinds: the kind of every node that is known, by its id.
    """
    rule = RELATION_RULES[relation.kind]
    wanted = {
        "subject": (relation.subject, rule.subjects),
        "object": (relation.object, rule.objects),
        "source": (relation.source, frozenset({NodeKind.SOURCE})),
    }
    violations = []
    for field, (node_id, allowed) in wanted.items():
        kind = kinds.get(node_id)
        if kind is None:
            violations.append(Violation(field, f"there is no node `{node_id}`"))
        elif kind not in allowed:
            names = " or ".join(sorted(allowed))
            message = f"`{node_id}` is a {kind}; `{relation.kind}` takes a {names} here"
            violations.append(Violation(field, message))
    return violations


def _id(fields: Mapping[str, str], field: str, violations: list[Violation]) -> str:
    value = fields[field].strip()
    if not _ID.fullmatch(value):
        message = "must be lower-case ASCII words joined by hyphens, such as `vitamin-c`"
        violations.append(Violation(field, message))
    elif len(value) > ID_LENGTH_MAX:
        violations.append(Violation(field, f"must have at most {ID_LENGTH_MAX} characters"))
    return value


def _member(
    enum: type[_Member], fields: Mapping[str, str], field: str, violations: list[Violation]
) -> _Member | None:
    try:
        return enum(fields[field].strip())
    except ValueError:
        violations.append(Violation(field, f"must be one of {', '.join(enum)}"))
        return None


def _text(
    fields: Mapping[str, str],
    field: str,
    length_max: int,
    violations: list[Violation],
    *,
    allowed: str = "",
) -> str:
    value = unicodedata.normalize("NFC", fields[field].strip())
    if len(value) > length_max:
        violations.append(Violation(field, f"must have at most {length_max} characters"))
    # Cs are bytes that were no UTF-8, Cc are control characters: PostgreSQL refuses some of them.
    categories = {unicodedata.category(c) for c in value if c not in allowed}
    if "Cs" in categories:
        violations.append(Violation(field, "is not valid UTF-8"))
    if "Cc" in categories:
        violations.append(Violation(field, "must not have control characters"))
    return value


def _weight(text: str, violations: list[Violation]) -> float | None:
    weight = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(weight):
        violations.append(Violation("weight", "must be a decimal number, such as `2.7`"))
    elif weight < WEIGHT_MIN:
        violations.append(Violation("weight", f"must be at least {WEIGHT_MIN:g}"))
    else:
        return weight
    return None
