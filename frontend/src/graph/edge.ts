/** Draws the line of an edge around the nodes that it does not concern. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A quadratic curve from one node to another. */
export interface Curve {
  readonly start: Point;
  /** Control point of a quadratic curve; on the straight line where nothing is in the way. */
  readonly control: Point;
  readonly end: Point;
}

/** How far a line passes by a foreign node's centre, if there is any room. */
export const CLEARANCE = 24;

/** How far aside the control point may move, the gentlest bends first. */
const BENDS = [0, 60, -60, 110, -110, 180, -180, 260, -260] as const;
const SAMPLES = 24;

/** The gentlest curve that passes by the other nodes, or the one that comes nearest to that. */
export function curveAround(from: Point, to: Point, others: readonly Point[]): Curve {
  let best = { curve: bent(from, to, 0), clearance: Number.NEGATIVE_INFINITY };
  for (const bend of BENDS) {
    const curve = bent(from, to, bend);
    const clearance = clearanceOf(curve, others);
    if (clearance >= CLEARANCE) {
      return curve;
    }
    if (clearance > best.clearance) {
      best = { curve, clearance };
    }
  }
  return best.curve;
}

/** The path from the rim of one node to just before the rim of the other, where the arrow begins. */
export function curvePath({ start, control, end }: Curve, startGap: number, endGap: number): string {
  const first = towards(start, control, startGap);
  const last = towards(end, control, endGap);
  return `M${first.x} ${first.y}Q${control.x} ${control.y} ${last.x} ${last.y}`;
}

/** The point at a share of the way, from 0 to 1. */
export function pointOn({ start, control, end }: Curve, share: number): Point {
  const rest = 1 - share;
  return {
    x: rest * rest * start.x + 2 * rest * share * control.x + share * share * end.x,
    y: rest * rest * start.y + 2 * rest * share * control.y + share * share * end.y,
  };
}

function bent(start: Point, end: Point, bend: number): Curve {
  const length = Math.hypot(end.x - start.x, end.y - start.y);
  const control = {
    x: (start.x + end.x) / 2 - ((end.y - start.y) / length) * bend,
    y: (start.y + end.y) / 2 + ((end.x - start.x) / length) * bend,
  };
  return { start, control, end };
}

function clearanceOf(curve: Curve, others: readonly Point[]): number {
  let squared = Number.POSITIVE_INFINITY;
  for (let sample = 1; sample < SAMPLES; sample++) {
    const { x, y } = pointOn(curve, sample / SAMPLES);
    for (const other of others) {
      squared = Math.min(squared, (other.x - x) ** 2 + (other.y - y) ** 2);
    }
  }
  return Math.sqrt(squared);
}

function towards(from: Point, to: Point, distance: number): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  return { x: from.x + ((to.x - from.x) / length) * distance, y: from.y + ((to.y - from.y) / length) * distance };
}
