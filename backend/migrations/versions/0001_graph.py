"""The graph: nodes and relations."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _id() -> sa.types.TypeEngine[str]:
    return sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")


def _enum(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=16)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "nodes",
        sa.Column("id", _id(), nullable=False),
        sa.Column("kind", _enum("kind", "food", "nutrient", "compound", "source"), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column(
            "folded_name",
            sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("description", sa.String(2000), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nodes")),
    )
    op.create_index(op.f("ix_nodes_kind"), "nodes", ["kind", "id"])
    op.create_table(
        "relations",
        sa.Column("subject_id", _id(), nullable=False),
        sa.Column(
            "kind",
            _enum("kind", "contains", "converts_to", "enhances", "inhibits"),
            nullable=False,
        ),
        sa.Column("object_id", _id(), nullable=False),
        sa.Column("source_id", _id(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("unit", _enum("unit", "g", "mg", "ug", "kcal", "ratio"), nullable=False),
        sa.CheckConstraint("subject_id <> object_id", name=op.f("ck_relations_no_loop")),
        sa.CheckConstraint("weight > 0", name=op.f("ck_relations_weight_positive")),
        *(
            sa.ForeignKeyConstraint(
                [column], ["nodes.id"], name=op.f(f"fk_relations_{column}_nodes")
            )
            for column in ("subject_id", "object_id", "source_id")
        ),
        sa.PrimaryKeyConstraint(
            "subject_id", "kind", "object_id", "source_id", name=op.f("pk_relations")
        ),
    )
    op.create_index(op.f("ix_relations_object_id"), "relations", ["object_id"])
    op.create_index(op.f("ix_relations_source_id"), "relations", ["source_id"])


def downgrade() -> None:
    """Drop the tables, with everything in them."""
    op.drop_table("relations")
    op.drop_table("nodes")
