/** Places a neighbourhood on rings around its centre. Pure: the same graph always gives the same picture. */

export interface Edge {
  readonly from: string;
  readonly to: string;
}

export interface Place {
  readonly id: string;
  /** Steps from the centre; what is not connected to it stands on a last ring of its own. */
  readonly ring: number;
  /** Radians, clockwise from three o'clock, from 0 up to 2π. */
  readonly angle: number;
  readonly x: number;
  readonly y: number;
}

export interface Bounds {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

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

export function layoutNeighbourhood(centre: string, ids: readonly string[], edges: readonly Edge[]): Layout {
  const neighbours = adjacency([centre, ...ids], edges);
  const rings = ringsAround(centre, neighbours);
  const places = new Map<string, Place>();
  let radius = 0;
  rings.forEach((ring, index) => {
    if (index === 0) {
      places.set(centre, { id: centre, ring: 0, angle: 0, x: 0, y: 0 });
      return;
    }
    radius = Math.max(radius + RING_GAP, radiusFor(ring.length));
    for (const place of placeRing(ring, index, radius, neighbours, places)) {
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

/** Edges to nodes outside the neighbourhood are none of its business. Sorted, so the order of the input is too. */
function adjacency(ids: readonly string[], edges: readonly Edge[]): ReadonlyMap<string, ReadonlySet<string>> {
  const neighbours = new Map([...new Set(ids)].sort().map((id) => [id, new Set<string>()]));
  for (const { from, to } of edges) {
    if (neighbours.has(from) && neighbours.has(to)) {
      neighbours.get(from)?.add(to);
      neighbours.get(to)?.add(from);
    }
  }
  return neighbours;
}

function ringsAround(centre: string, neighbours: ReadonlyMap<string, ReadonlySet<string>>): readonly string[][] {
  const seen = new Set([centre]);
  const rings: string[][] = [];
  for (let ring = [centre]; ring.length > 0;) {
    rings.push(ring);
    const next = new Set(ring.flatMap((id) => [...(neighbours.get(id) ?? [])]).filter((id) => !seen.has(id)));
    ring = [...next].sort();
    ring.forEach((id) => seen.add(id));
  }
  const unconnected = [...neighbours.keys()].filter((id) => !seen.has(id));
  return unconnected.length > 0 ? [...rings, unconnected] : rings;
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
  neighbours: ReadonlyMap<string, ReadonlySet<string>>,
  placed: ReadonlyMap<string, Place>,
): readonly Place[] {
  const wished = ids.map((id) => {
    const inner = [...(neighbours.get(id) ?? [])].flatMap((other) => placed.get(other) ?? []);
    return { id, angle: ring === 1 ? 0 : meanAngle(inner) };
  });
  wished.sort((a, b) => a.angle - b.angle || compare(a.id, b.id));
  const step = FULL_TURN / ids.length;
  const start =
    ring === 1
      ? TWELVE_O_CLOCK
      : bestStart(
          wished.map(({ angle }) => angle),
          step,
        );
  return wished.map(({ id }, index) => {
    const angle = normalize(start + index * step);
    return { id, ring, angle, x: radius * Math.cos(angle), y: radius * Math.sin(angle) };
  });
}

/** The turn of an evenly spread ring that brings its nodes nearest to the angles they wish for. */
function bestStart(wished: readonly number[], step: number): number {
  return meanAngle(wished.map((angle, index) => pointAt(angle - index * step)));
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
