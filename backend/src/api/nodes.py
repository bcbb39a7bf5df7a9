"""Routes that read the graph."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from src.api.dependencies import StoreDependency
from src.api.problems import problem_responses
from src.domain.graph import ID_LENGTH_MAX, ID_PATTERN, Direction, NodeKind, RelationKind, Unit
from src.services import catalog, explorer

router = APIRouter(prefix="/v1", tags=["graph"])

NodeIdPath = Annotated[
    str,
    Path(
        description="Id of the node.",
        pattern=ID_PATTERN,
        max_length=ID_LENGTH_MAX,
        examples=["spinach-raw"],
    ),
]
KindQuery = Annotated[NodeKind | None, Query(description="Only nodes of this kind.")]


class NodeOut(BaseModel):
    """A node: a food, a nutrient, a compound, or a source of facts."""

    model_config = ConfigDict(from_attributes=True)

    id: str = Field(examples=["spinach-raw"])
    kind: NodeKind
    name: str = Field(examples=["Spinach, raw"])
    description: str = Field(description="May be empty.", examples=["Leaves, without stems."])


class NodePage(BaseModel):
    """A page of the list of nodes."""

    items: list[NodeOut]
    next_after: str | None = Field(
        description="Value of `after` for the next page; null on the last one."
    )


class SearchResult(BaseModel):
    """Nodes that match, the best first."""

    items: list[NodeOut]


class RelationOut(BaseModel):
    """A weighted statement about two nodes, with its source.

    The weight of `contains` is an amount per 100 g of the edible part; of `converts_to` the mass
    that one unit of mass yields; of `enhances` and `inhibits` a grade up to 1.
    """

    model_config = ConfigDict(from_attributes=True)

    subject: str = Field(description="Id of a node.", examples=["spinach-raw"])
    kind: RelationKind
    object: str = Field(description="Id of a node.", examples=["iron"])
    weight: float = Field(gt=0, examples=[2.71])
    unit: Unit = Field(examples=["mg"])
    source: str = Field(description="Id of the source that says so.", examples=["usda-fdc"])


class NeighbourOut(BaseModel):
    """A node of a neighbourhood."""

    model_config = ConfigDict(from_attributes=True)

    node: NodeOut
    depth: int = Field(ge=0, description="Fewest relations from the root; 0 is the root itself.")


class NeighbourhoodOut(BaseModel):
    """The part of the graph around a node."""

    model_config = ConfigDict(from_attributes=True)

    neighbours: list[NeighbourOut] = Field(description="The nearest first, then by id.")
    relations: list[RelationOut] = Field(description="Relations among the nodes above.")
    truncated: bool = Field(description="Whether a limit left nodes or relations out.")


@router.get(
    "/nodes",
    summary="List nodes",
    description="Nodes by id, page by page. Adding others meanwhile neither skips nor repeats one.",
    responses=problem_responses(),
)
def list_nodes(
    store: StoreDependency,
    kind: KindQuery = None,
    after: Annotated[
        str | None,
        Query(
            description="Start behind this id: `next_after` of the page before.",
            pattern=ID_PATTERN,
            max_length=ID_LENGTH_MAX,
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Nodes on a page.")] = 50,
) -> NodePage:
    """Answer with a page of the list of nodes."""
    page = catalog.list_nodes(store, kind=kind, after=after, limit=limit)
    items = [NodeOut.model_validate(node) for node in page.nodes]
    return NodePage(items=items, next_after=page.next_after)


@router.get(
    "/nodes/{node_id}",
    summary="Get a node",
    description="One node by its id.",
    responses=problem_responses(HTTPStatus.NOT_FOUND),
)
def get_node(store: StoreDependency, node_id: NodeIdPath) -> NodeOut:
    """Answer with one node."""
    return NodeOut.model_validate(catalog.get_node(store, node_id))


@router.get(
    "/nodes/{node_id}/neighbours",
    summary="Explore around a node",
    description=(
        "The nodes up to `depth` relations away, breadth first, and the relations among them. "
        "At most `limit` nodes, and ten relations for each of these, are returned."
    ),
    responses=problem_responses(HTTPStatus.NOT_FOUND),
)
def get_neighbourhood(
    store: StoreDependency,
    node_id: NodeIdPath,
    depth: Annotated[int, Query(ge=1, le=4, description="Relations to follow.")] = 1,
    limit: Annotated[int, Query(ge=1, le=500, description="Nodes, with the root.")] = 100,
    direction: Annotated[
        Direction, Query(description="From subject to object (`out`), back (`in`), or `both`.")
    ] = Direction.BOTH,
    relation: Annotated[
        list[RelationKind] | None,
        Query(description="Only relations of these kinds; all when left out."),
    ] = None,
) -> NeighbourhoodOut:
    """Answer with the neighbourhood of a node."""
    found = explorer.neighbourhood(
        store,
        node_id,
        depth=depth,
        limit=limit,
        direction=direction,
        kinds=frozenset(relation or RelationKind),
    )
    return NeighbourhoodOut.model_validate(found)


@router.get(
    "/search",
    summary="Search nodes by name",
    description=(
        "Nodes whose name contains the text, whatever its case and accents. An equal name comes "
        "first, then names that begin with it, then names with a word that does."
    ),
    responses=problem_responses(),
)
def search_nodes(
    store: StoreDependency,
    q: Annotated[
        str,
        Query(description="A part of the name.", min_length=1, max_length=100, examples=["iron"]),
    ],
    kind: KindQuery = None,
    limit: Annotated[int, Query(ge=1, le=100, description="Nodes to return.")] = 20,
) -> SearchResult:
    """Answer with the nodes that match."""
    nodes = catalog.search_nodes(store, q, kind=kind, limit=limit)
    return SearchResult(items=[NodeOut.model_validate(node) for node in nodes])
