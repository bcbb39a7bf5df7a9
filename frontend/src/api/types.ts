/** The backend's vocabulary, as it stands in its OpenAPI description. */

/** All kinds of nodes, in the order in which they are offered. */
export const NODE_KINDS = ['food', 'nutrient', 'compound', 'source'] as const;
/** What a node stands for. */
export type NodeKind = (typeof NODE_KINDS)[number];

/** What one node does to another. */
export type RelationKind = 'contains' | 'converts_to' | 'enhances' | 'inhibits';
/** What the weight of a relation is measured in. */
export type Unit = 'g' | 'mg' | 'ug' | 'kcal' | 'ratio';

/** A food, a nutrient, a compound or a source. */
export interface GraphNode {
  readonly id: string;
  readonly kind: NodeKind;
  readonly name: string;
  readonly description: string;
}

/** A weighted fact about two nodes. */
export interface Relation {
  readonly subject: string;
  readonly kind: RelationKind;
  readonly object: string;
  readonly weight: number;
  readonly unit: Unit;
  /** Id of the node that states the fact. */
  readonly source: string;
}

/** A page of the list of nodes. */
export interface NodePage {
  readonly items: readonly GraphNode[];
  /** Where the next page begins; null on the last one. */
  readonly next_after: string | null;
}

/** What a search has found, the best first. */
export interface SearchResult {
  readonly items: readonly GraphNode[];
}

/** A node near the centre. */
export interface Neighbour {
  readonly node: GraphNode;
  /** Fewest relations between the centre and the node; 0 is the centre itself. */
  readonly depth: number;
}

/** What surrounds a node, and the relations in it. */
export interface Neighbourhood {
  /** The nearest first. */
  readonly neighbours: readonly Neighbour[];
  readonly relations: readonly Relation[];
  /** Whether something within the depth was left out because there is so much of it. */
  readonly truncated: boolean;
}
