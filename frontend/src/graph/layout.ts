/** Places a neighbourhood on rings around its centre. Pure: the same graph always gives the same picture. */

export interface Edge {
  readonly from: string;
  readonly to: string;
}

/** Where a node stands. */
export interface Place {
  readonly id: string;
  /** Steps from the centre; what is not connected to it stands on a last ring of its own. */
  readonly ring: number;
  /** Radians, clockwise from three o'clock, from 0 up to 2π. */
  readonly angle: number;
  readonly x: number;
  readonly y: number;
}

/** A box. */
export interface Bounds {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Where all nodes stand. */
export interface Layout {
  /** Ring by ring, clockwise. */
  readonly places: readonly Place[];
  /** The smallest box that holds every place. */
  readonly bounds: Bounds;
}

/** Distance that any two nodes keep. */
export const SPACING = 64;

const RING_GAP = 150;
const FULL_TURN = 2 * Math.PI;
const TWELVE_O_CLOCK = -Math.PI / 2;

/** Puts each node on the ring of its distance, near to what it is connected with. */
export function layoutNeighbourhood(centre: string, ids: readonly string[], edges: readonly Edge[]): Layout {
  const neighbours = adjacency([centre, ...ids], edges);
  const places = new Map<string, Place>([[centre, { id: centre, ring: 0, angle: 0, x: 0, y: 0 }]]);
  let radius = 0;
  ringsAround(centre, neighbours).forEach((ring, index) => {
    radius = Math.max(radius + RING_GAP, radiusFor(ring.length));
    for (const place of placeRing(ring, index + 1, radius, neighbours, places)) {
      places.set(place.id, place);
    }
  });
  return { places: [...places.values()], bounds: boundsOf([...places.values()]) };
}

function boundsOf(places: readonly Place[]): Bounds {
  const xs = places.map(({ x }) => x);
  const ys = places.map(({ y }) => y);
  return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
}

type Neighbours = ReadonlyMap<string, readonly string[]>;

/**
 * Edges to nodes outside the neighbourhood are none of its business. Everything is sorted: sums of angles differ in their
 * last digit with the order of the terms, and the picture must not depend on the order of the input.
 */
function adjacency(ids: readonly string[], edges: readonly Edge[]): Neighbours {
  const neighbours = new Map([...new Set(ids)].sort().map((id) => [id, new Set<string>()]));
  for (const { from, to } of edges) {
    if (neighbours.has(from) && neighbours.has(to)) {
      neighbours.get(from)?.add(to);
      neighbours.get(to)?.add(from);
    }
  }
  return new Map([...neighbours].map(([id, others]) => [id, [...others].sort()]));
}

/** The rings outside the centre, from the inside out. */
function ringsAround(centre: string, neighbours: Neighbours): readonly (readonly string[])[] {
  const rings: string[][] = [];
  const remaining = new Set(neighbours.keys());
  let ring = [centre];
  for (;;) {
    ring.forEach((id) => remaining.delete(id));
    const next = new Set(ring.flatMap((id) => neighbours.get(id) ?? []).filter((id) => remaining.has(id)));
    if (next.size === 0) {
      return remaining.size === 0 ? rings : [...rings, [...remaining]];
    }
    ring = [...next].sort();
    rings.push(ring);
  }
}

/** The smallest circle on which `count` evenly spread nodes keep their distance. */
function radiusFor(count: number): number {
  return count < 2 ? 0 : SPACING / (2 * Math.sin(Math.PI / count));
}

/** Spreads a ring evenly, each node as near as may be to those it hangs on: that keeps most edges from crossing. */
function placeRing(
  ids: readonly string[],
  ring: number,
  radius: number,
  neighbours: Neighbours,
  placed: ReadonlyMap<string, Place>,
): readonly Place[] {
  const wished = ids.map((id) => {
    const inner = (neighbours.get(id) ?? []).flatMap((other) => placed.get(other) ?? []);
    return { id, angle: meanAngle(inner) };
  });
  wished.sort((a, b) => a.angle - b.angle || compare(a.id, b.id));
  const step = FULL_TURN / ids.length;
  // The first ring hangs on the centre alone, which pulls its nodes nowhere.
  const start = ring === 1 ? TWELVE_O_CLOCK : bestStart(wished, step);
  return wished.map(({ id }, index) => {
    const angle = normalize(start + index * step);
    return { id, ring, angle, x: radius * Math.cos(angle), y: radius * Math.sin(angle) };
  });
}

/** The turn of an evenly spread ring that brings its nodes nearest to the angles they wish for. */
function bestStart(wished: readonly { readonly angle: number }[], step: number): number {
  return meanAngle(wished.map(({ angle }, index) => pointAt(angle - index * step)));
}

function meanAngle(points: readonly { readonly x: number; readonly y: number }[]): number {
  const x = points.reduce((sum, point) => sum + point.x, 0);
  const y = points.reduce((sum, point) => sum + point.y, 0);
  return normalize(Math.atan2(y, x));
}

function pointAt(angle: number): { readonly x: number; readonly y: number } {
  return { x: Math.cos(angle), y: Math.sin(angle) };
}

function normalize(angle: number): number {
  return ((angle % FULL_TURN) + FULL_TURN) % FULL_TURN;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** A step of the keyboard: along a ring, or to another one. */
export type Direction = 'around' | 'back' | 'outward' | 'inward';

/** Where the keyboard goes: left and right walk around a ring, up and down change the ring. */
export function neighbourPlace({ places }: Layout, from: Place, direction: Direction): Place {
  if (direction === 'around' || direction === 'back') {
    const ring = places.filter((place) => place.ring === from.ring);
    const index = ring.indexOf(from) + (direction === 'around' ? 1 : -1);
    return ring.at(index % ring.length) ?? from;
  }
  const target = from.ring + (direction === 'outward' ? 1 : -1);
  const candidates = places.filter((place) => place.ring === target);
  return (
    candidates.reduce<Place | null>((best, place) => {
      return best === null || distance(place, from) < distance(best, from) ? place : best;
    }, null) ?? from
  );
}

function distance(a: Place, b: Place): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
