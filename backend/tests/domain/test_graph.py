"""Rules of nodes and relations."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.domain.errors import InvalidFieldsError, Violation
from src.domain.graph import (
    RELATION_RULES,
    Node,
    NodeKind,
    Relation,
    RelationKind,
    Unit,
    check_endpoints,
    fold,
    parse_node,
    parse_relation,
)

NODE = {"id": "iron", "kind": "nutrient", "name": "Iron", "description": ""}
RELATION = {
    "subject": "spinach",
    "kind": "contains",
    "object": "iron",
    "weight": "2.71",
    "unit": "mg",
    "source": "usda",
}
KINDS = {
    "spinach": NodeKind.FOOD,
    "iron": NodeKind.NUTRIENT,
    "phytate": NodeKind.COMPOUND,
    "usda": NodeKind.SOURCE,
}


def _node_violations(**fields: str) -> tuple[Violation, ...]:
    with pytest.raises(InvalidFieldsError) as caught:
        parse_node(NODE | fields)
    return caught.value.violations


def _relation_violations(**fields: str) -> tuple[Violation, ...]:
    with pytest.raises(InvalidFieldsError) as caught:
        parse_relation(RELATION | fields)
    return caught.value.violations


def test_node_is_trimmed_and_composed() -> None:
    decomposed = unicodedata.normalize("NFD", " Purée ")
    assert parse_node(
        {"id": " puree ", "kind": "food", "name": decomposed, "description": "a\n\tb"}
    ) == Node("puree", NodeKind.FOOD, "Purée", "a\n\tb")


@pytest.mark.parametrize(
    "id_", ["", "Iron", "iron-", "-iron", "iron--ii", "vitamin c", "eisen_ii", "fer-é", "iron\n1"]
)
def test_id_that_is_no_slug_is_refused(id_: str) -> None:
    assert [v.field for v in _node_violations(id=id_)] == ["id"]


@pytest.mark.parametrize(
    ("field", "longest"), [("id", "i" * 64), ("name", "n" * 200), ("description", "d" * 2000)]
)
def test_lengths_are_limited(field: str, longest: str) -> None:
    parse_node(NODE | {field: longest})
    limit = f"must have at most {len(longest)} characters"
    assert _node_violations(**{field: longest + "x"}) == ((field, limit),)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("  ", "must not be empty"),
        ("Iron\nII", "must not have control characters"),
        ("Iron\0", "must not have control characters"),
        ("Iron\udcff", "is not valid UTF-8"),
    ],
)
def test_name_must_be_one_line_of_text(name: str, message: str) -> None:
    assert _node_violations(name=name) == (("name", message),)


def test_every_violation_of_a_node_is_reported() -> None:
    violations = _node_violations(id="I", kind="metal", name="", description="\0")
    assert [v.field for v in violations] == ["id", "kind", "name", "description"]
    assert violations[1].message == "must be one of food, nutrient, compound, source"


def test_relation_is_parsed() -> None:
    relation = parse_relation(RELATION | {"weight": " 2.71 "})
    assert relation == Relation(
        "spinach", RelationKind.CONTAINS, "iron", 2.71, Unit.MILLIGRAM, "usda"
    )


@pytest.mark.parametrize("weight", ["", "nan", "inf", "1e999", "1_0", "1,5", "٣", "0x1", "1 g"])
def test_weight_must_be_a_number(weight: str) -> None:
    message = "must be a decimal number, such as `2.7`"
    assert _relation_violations(weight=weight) == (("weight", message),)


@pytest.mark.parametrize("weight", ["0", "-1", "1e-10"])
def test_weight_must_be_positive(weight: str) -> None:
    assert _relation_violations(weight=weight) == (("weight", "must be at least 1e-09"),)


@pytest.mark.parametrize(
    ("kind", "unit", "weight_max"),
    [
        (kind, unit, weight_max)
        for kind, rule in RELATION_RULES.items()
        for unit, weight_max in rule.weight_max.items()
    ],
)
def test_weight_is_limited_by_kind_and_unit(
    kind: RelationKind, unit: Unit, weight_max: float
) -> None:
    fields: dict[str, str] = {"kind": kind, "unit": unit}
    assert parse_relation(RELATION | fields | {"weight": repr(weight_max)}).weight == weight_max
    violations = _relation_violations(**fields, weight=repr(weight_max * 1.01))
    assert [v.field for v in violations] == ["weight"]


def test_unit_must_fit_the_kind() -> None:
    message = "`converts_to` is measured in ratio, not in mg"
    assert _relation_violations(kind="converts_to", weight="0.5") == (("unit", message),)


def test_node_has_no_relation_to_itself() -> None:
    violations = _relation_violations(object="spinach")
    assert violations == (("object", "must differ from the subject"),)


def test_every_violation_of_a_relation_is_reported() -> None:
    violations = _relation_violations(
        subject="", kind="x", object="", weight="x", unit="x", source=""
    )
    assert [v.field for v in violations] == [
        "subject", "kind", "object", "weight", "unit", "source",
    ]  # fmt: skip


def test_fitting_endpoints_have_no_violations() -> None:
    assert check_endpoints(parse_relation(RELATION), KINDS) == []


def test_endpoints_must_exist() -> None:
    assert check_endpoints(parse_relation(RELATION), {}) == [
        ("subject", "there is no node `spinach`"),
        ("object", "there is no node `iron`"),
        ("source", "there is no node `usda`"),
    ]


def test_endpoints_must_have_the_kinds_of_the_rule() -> None:
    relation = parse_relation(RELATION | {"subject": "usda", "object": "spinach", "source": "iron"})
    assert check_endpoints(relation, KINDS) == [
        ("subject", "`usda` is a source; `contains` takes a food here"),
        ("object", "`spinach` is a food; `contains` takes a compound or nutrient here"),
        ("source", "`iron` is a nutrient; `contains` takes a source here"),
    ]


@given(st.text())
def test_folding_ignores_case_and_accents(text: str) -> None:
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))
    assert fold(f" {text} ") == fold(text)


def test_folding_examples() -> None:
    assert fold("Crème FRAÎCHE") == "creme fraiche"
    assert fold("Weiß") == fold("WEISS")
