import { describe, expect, it } from 'vitest';
import type { Point } from './edge.ts';
import { CLEARANCE, curveAround, curvePath, pointOn } from './edge.ts';

const LEFT: Point = { x: -200, y: 0 };
const RIGHT: Point = { x: 200, y: 0 };

function nearest(others: readonly Point[]): number {
  const curve = curveAround(LEFT, RIGHT, others);
  const points = Array.from({ length: 201 }, (_, index) => pointOn(curve, index / 200));
  return Math.min(...points.flatMap(({ x, y }) => others.map((other) => Math.hypot(other.x - x, other.y - y))));
}

describe('curveAround', () => {
  it('is straight where nothing is in the way', () => {
    expect(curveAround(LEFT, RIGHT, [])).toEqual({ start: LEFT, control: { x: 0, y: 0 }, end: RIGHT });
    expect(curveAround(LEFT, RIGHT, [{ x: 0, y: CLEARANCE }]).control).toEqual({ x: 0, y: 0 });
  });

  it.each([
    ['one node', [{ x: 0, y: 0 }]],
    ['a row of nodes', [-100, 0, 100].map((x) => ({ x, y: 0 }))],
    ['nodes on the line and on one side of it', [0, 40, 60].map((y) => ({ x: 0, y }))],
    ['nodes on the line and on the other side of it', [0, -40, -60].map((y) => ({ x: 0, y }))],
  ])('goes around %s', (_, others) => {
    expect(nearest(others)).toBeGreaterThan(CLEARANCE - 1);
  });

  it('takes the widest gap where there is no room', () => {
    const wall = Array.from({ length: 41 }, (_, index) => ({ x: 0, y: (index - 20) * 10 }));
    const gap = wall.filter(({ y }) => Math.abs(y + 30) > 15);
    expect(nearest(gap)).toBeGreaterThan(nearest(wall));
  });
});

describe('curvePath', () => {
  it('leaves room for the nodes and the arrow', () => {
    expect(curvePath(curveAround(LEFT, RIGHT, []), 15, 25)).toBe('M-185 0Q0 0 175 0');
  });
});
