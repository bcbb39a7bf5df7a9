/** The backend's vocabulary, as it stands in its OpenAPI description. */

export const NODE_KINDS = ['food', 'nutrient', 'compound', 'source'] as const;
export type NodeKind = (typeof NODE_KINDS)[number];

export type RelationKind = 'contains' | 'converts_to' | 'enhances' | 'inhibits';
export type Unit = 'g' | 'mg' | 'ug' | 'kcal' | 'ratio';

export interface GraphNode {
  readonly id: string;
  readonly kind: NodeKind;
  readonly name: string;
  readonly description: string;
}

export interface Relation {
  readonly subject: string;
  readonly kind: RelationKind;
  readonly object: string;
  readonly weight: number;
  readonly unit: Unit;
  /** Id of the node that states the fact. */
  readonly source: string;
}

export interface NodePage {
  readonly items: readonly GraphNode[];
  /** Where the next page begins; null on the last one. */
  readonly next_after: string | null;
}

export interface SearchResult {
  readonly items: readonly GraphNode[];
}

export interface Neighbour {
  readonly node: GraphNode;
  /** Fewest relations between the centre and the node; 0 is the centre itself. */
  readonly depth: number;
}

export interface Neighbourhood {
  /** The nearest first. */
  readonly neighbours: readonly Neighbour[];
  readonly relations: readonly Relation[];
  /** Whether something within the depth was left out because there is so much of it. */
  readonly truncated: boolean;
}
