import { describe, expect, it } from 'vitest';
import type { Edge, Layout, Place } from './layout.ts';
import { layoutNeighbourhood, neighbourPlace, SPACING } from './layout.ts';

interface Graph {
  readonly seed: number;
  readonly ids: readonly string[];
  readonly edges: readonly Edge[];
}

/** A small generator of even numbers from 0 to 1, so that a failing seed fails again. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** From a lone node to a crowd; sparse ones fall apart, dense ones hold loops, doubles and edges to nowhere. */
function randomGraph(seed: number): Graph {
  const random = randomOf(seed);
  const count = 1 + Math.floor(random() ** 3 * 150);
  const ids = Array.from({ length: count }, (_, index) => `n${index}`);
  const edges = Array.from({ length: Math.floor(random() * 3 * count) }, () => ({
    from: `n${Math.floor(random() * count)}`,
    to: `n${Math.floor(random() * (count + 1))}`,
  }));
  return { seed, ids, edges };
}

function shuffled<Item>(items: readonly Item[], random: () => number): readonly Item[] {
  return items
    .map((item) => ({ item, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

const GRAPHS = Array.from({ length: 300 }, (_, seed) => randomGraph(seed));

function layoutOf({ ids, edges }: Graph): Layout {
  return layoutNeighbourhood('n0', ids, edges);
}

function at(layout: Layout, id: string): Place {
  const place = layout.places.find((known) => known.id === id);
  if (place === undefined) {
    throw new Error(`${id} has no place`);
  }
  return place;
}

describe('layoutNeighbourhood', () => {
  it('gives every node exactly one place, with finite coordinates inside the bounds', () => {
    for (const graph of GRAPHS) {
      const { places, bounds } = layoutOf(graph);
      expect(places.map(({ id }) => id).sort(), `seed ${graph.seed}`).toEqual([...graph.ids].sort());
      for (const { x, y, angle } of places) {
        expect([x, y, angle].every(Number.isFinite), `seed ${graph.seed}`).toBe(true);
        expect(x >= bounds.left && x <= bounds.right && y >= bounds.top && y <= bounds.bottom).toBe(true);
      }
    }
  });

  it('keeps all nodes apart', () => {
    for (const graph of GRAPHS) {
      const { places } = layoutOf(graph);
      let nearest = Number.POSITIVE_INFINITY;
      places.forEach((a, index) => {
        for (const b of places.slice(index + 1)) {
          nearest = Math.min(nearest, Math.hypot(a.x - b.x, a.y - b.y));
        }
      });
      expect(nearest, `seed ${graph.seed}`).toBeGreaterThan(SPACING - 1e-6);
    }
  });

  it('does not depend on the order of its input, nor on which way an edge points', () => {
    for (const graph of GRAPHS) {
      const random = randomOf(graph.seed + 1);
      const edges = graph.edges.map((edge) => (random() < 0.5 ? edge : { from: edge.to, to: edge.from }));
      const other = layoutNeighbourhood('n0', shuffled(graph.ids, random), shuffled(edges, random));
      expect(other, `seed ${graph.seed}`).toEqual(layoutOf(graph));
    }
  });

  it('puts connected nodes on the same ring or on the next, and the rest outside', () => {
    for (const graph of GRAPHS) {
      const layout = layoutOf(graph);
      const known = new Set(graph.ids);
      for (const { from, to } of graph.edges.filter((edge) => known.has(edge.to))) {
        expect(Math.abs(at(layout, from).ring - at(layout, to).ring), `seed ${graph.seed}`).toBeLessThanOrEqual(1);
      }
    }
    const island = layoutNeighbourhood('a', ['a', 'b', 'island'], [{ from: 'a', to: 'b' }]);
    expect(island.places.map(({ id, ring }) => [id, ring])).toEqual([
      ['a', 0],
      ['b', 1],
      ['island', 2],
    ]);
  });

  it('hangs a node on the far side of the one it is connected by', () => {
    const ids = ['centre', 'a', 'b', 'c', 'd', 'beyond'];
    const edges = ['a', 'b', 'c', 'd'].map((to) => ({ from: 'centre', to }));
    for (const parent of ['a', 'b', 'c', 'd']) {
      const layout = layoutNeighbourhood('centre', ids, [...edges, { from: parent, to: 'beyond' }]);
      const turn = Math.abs(at(layout, 'beyond').angle - at(layout, parent).angle) % (2 * Math.PI);
      expect(Math.min(turn, 2 * Math.PI - turn)).toBeCloseTo(0);
    }
  });

  it('places the centre even if the list of nodes leaves it out', () => {
    expect(layoutNeighbourhood('a', [], []).places).toEqual([{ id: 'a', ring: 0, angle: 0, x: 0, y: 0 }]);
  });
});

describe('neighbourPlace', () => {
  it('walks a ring once around, either way', () => {
    const ids = ['a', 'b', 'c', 'd'];
    const layout = layoutNeighbourhood(
      'centre',
      ids,
      ids.map((to) => ({ from: 'centre', to })),
    );
    for (const direction of ['around', 'back'] as const) {
      const walked: string[] = [];
      for (let place = at(layout, 'a'), step = 0; step < 4; step++) {
        place = neighbourPlace(layout, place, direction);
        walked.push(place.id);
      }
      expect(walked).toEqual(direction === 'around' ? ['b', 'c', 'd', 'a'] : ['d', 'c', 'b', 'a']);
    }
  });

  it('changes the ring to the nearest node there, and stays where there is none', () => {
    const layout = layoutNeighbourhood(
      'centre',
      ['a', 'b', 'beyond'],
      [
        { from: 'centre', to: 'a' },
        { from: 'centre', to: 'b' },
        { from: 'b', to: 'beyond' },
      ],
    );
    expect(neighbourPlace(layout, at(layout, 'beyond'), 'inward').id).toBe('b');
    expect(neighbourPlace(layout, at(layout, 'b'), 'inward').id).toBe('centre');
    expect(neighbourPlace(layout, at(layout, 'centre'), 'inward').id).toBe('centre');
    expect(neighbourPlace(layout, at(layout, 'b'), 'outward').id).toBe('beyond');
    expect(neighbourPlace(layout, at(layout, 'beyond'), 'outward').id).toBe('beyond');
  });

  it('reaches every node from the centre', () => {
    for (const graph of GRAPHS) {
      const layout = layoutOf(graph);
      const reached = new Set([at(layout, 'n0')]);
      for (const place of reached) {
        (['around', 'outward'] as const).forEach((direction) => reached.add(neighbourPlace(layout, place, direction)));
      }
      expect(reached.size, `seed ${graph.seed}`).toBe(layout.places.length);
    }
  });
});
