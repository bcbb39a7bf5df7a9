import type { NodeKind, Relation, RelationKind, Unit } from './api/types.ts';

/** How the page says what the graph holds. */

export const KIND_NAMES: Readonly<Record<NodeKind, string>> = {
  food: 'Food',
  nutrient: 'Nutrient',
  compound: 'Compound',
  source: 'Source',
};

/** What several nodes of a kind are called. */
export const KIND_PLURALS: Readonly<Record<NodeKind, string>> = {
  food: 'Foods',
  nutrient: 'Nutrients',
  compound: 'Compounds',
  source: 'Sources',
};

/** What a relation says between its two nodes. */
export const RELATION_VERBS: Readonly<Record<RelationKind, string>> = {
  contains: 'contains',
  converts_to: 'converts to',
  enhances: 'enhances the uptake of',
  inhibits: 'inhibits the uptake of',
};

const UNIT_SYMBOLS: Readonly<Record<Unit, string>> = { g: 'g', mg: 'mg', ug: 'µg', kcal: 'kcal', ratio: 'ratio' };

const WEIGHT_FORMAT = new Intl.NumberFormat('en', { maximumSignificantDigits: 6 });

/** The weight of a relation, without its unit. */
export function weightText({ weight }: Relation): string {
  return WEIGHT_FORMAT.format(weight);
}

/** What a food contains is stated for a fixed portion of it; everything else is a plain ratio. */
export function unitText({ kind, unit }: Relation): string {
  return kind === 'contains' ? `${UNIT_SYMBOLS[unit]} per 100\u00a0g` : UNIT_SYMBOLS[unit];
}

/** A number with its noun: `1 node`, `2 nodes`. */
export function countText(count: number, singular: string, plural = `${singular}s`): string {
  return `${count} ${count === 1 ? singular : plural}`;
}
