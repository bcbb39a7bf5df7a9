"""Tables of the graph. Their history is in ``migrations/``; a test compares the two."""

from enum import StrEnum
from typing import Final

from sqlalchemy import CheckConstraint, Double, Enum, ForeignKey, Index, MetaData, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from src.domain.graph import (
    DESCRIPTION_LENGTH_MAX,
    ID_LENGTH_MAX,
    NAME_LENGTH_MAX,
    NodeKind,
    RelationKind,
    Unit,
)


def _enum(members: type[StrEnum], name: str) -> Enum:
    # A text with a check, not a native type: PostgreSQL cannot take a value out of one again.
    return Enum(
        members,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=16,
        values_callable=lambda enum: [member.value for member in enum],
    )


# Both databases must order alike, by code point, or the same page would differ between them.
_ID: Final = String(ID_LENGTH_MAX).with_variant(String(ID_LENGTH_MAX, collation="C"), "postgresql")
_FOLDED: Final = Text().with_variant(Text(collation="C"), "postgresql")


class Base(DeclarativeBase):
    """Base of the tables; names every constraint, so that a migration can drop it by name."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    """All tables of the graph."""


class NodeRow(Base):
    """A node."""

    __tablename__ = "nodes"
    __table_args__ = (Index(None, "kind", "id"),)

    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    kind: Mapped[NodeKind] = mapped_column(_enum(NodeKind, "kind"))
    name: Mapped[str] = mapped_column(String(NAME_LENGTH_MAX))
    folded_name: Mapped[str] = mapped_column(_FOLDED)
    """The name as search compares it."""
    description: Mapped[str] = mapped_column(String(DESCRIPTION_LENGTH_MAX))


class RelationRow(Base):
    """A relation; the primary key serves walks from the subject, an index those from the object."""

    __tablename__ = "relations"
    __table_args__ = (
        CheckConstraint("subject_id <> object_id", name="no_loop"),
        CheckConstraint("weight > 0", name="weight_positive"),
    )

    subject_id: Mapped[str] = mapped_column(_ID, ForeignKey("nodes.id"), primary_key=True)
    kind: Mapped[RelationKind] = mapped_column(_enum(RelationKind, "kind"), primary_key=True)
    object_id: Mapped[str] = mapped_column(
        _ID, ForeignKey("nodes.id"), primary_key=True, index=True
    )
    source_id: Mapped[str] = mapped_column(
        _ID, ForeignKey("nodes.id"), primary_key=True, index=True
    )
    weight: Mapped[float] = mapped_column(Double)
    unit: Mapped[Unit] = mapped_column(_enum(Unit, "unit"))
