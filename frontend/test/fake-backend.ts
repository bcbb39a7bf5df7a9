import { vi } from 'vitest';
import type { GraphNode, Neighbourhood, NodeKind, Relation } from '../src/api/types.ts';

function node(id: string, kind: NodeKind, name: string, description = ''): GraphNode {
  return { id, kind, name, description };
}

export const NODES: readonly GraphNode[] = [
  node('iron', 'nutrient', 'Iron', 'Carries oxygen.'),
  node('lentils-raw', 'food', 'Lentils, raw'),
  node('phytate', 'compound', 'Phytate'),
  node('spinach-raw', 'food', 'Spinach, raw', 'Leaves.'),
  node('usda-fdc', 'source', 'USDA FoodData Central'),
  node('vitamin-c', 'nutrient', 'Vitamin C'),
];

export const RELATIONS: readonly Relation[] = [
  { subject: 'lentils-raw', kind: 'contains', object: 'iron', weight: 6.51, unit: 'mg', source: 'usda-fdc' },
  { subject: 'lentils-raw', kind: 'contains', object: 'phytate', weight: 0.6, unit: 'g', source: 'usda-fdc' },
  { subject: 'phytate', kind: 'inhibits', object: 'iron', weight: 0.7, unit: 'ratio', source: 'efsa' },
  { subject: 'spinach-raw', kind: 'contains', object: 'iron', weight: 2.71, unit: 'mg', source: 'usda-fdc' },
  { subject: 'spinach-raw', kind: 'contains', object: 'vitamin-c', weight: 28100.5, unit: 'ug', source: 'usda-fdc' },
];

export interface FakeBackend {
  /** Path and query of every request for the graph, in order. */
  readonly requests: string[];
  /** The signals of these requests. */
  readonly signals: AbortSignal[];
  /** Makes matching requests end otherwise, until it is called with null. */
  intercept: (respond: ((url: URL) => Response | Promise<Response> | null) | null) => void;
}

export function problem(status: number, title: string, detail: string): Response {
  return Response.json({ type: 'about:blank', title, status, detail }, { status });
}

/** Stands in for the network with a graph of six nodes, by the rules of the real backend. */
export function installFakeBackend(): FakeBackend {
  const requests: string[] = [];
  const signals: AbortSignal[] = [];
  let intercepted: (url: URL) => Response | Promise<Response> | null = () => null;

  vi.stubGlobal('fetch', async (input: string, { signal }: { readonly signal: AbortSignal }): Promise<Response> => {
    const url = new URL(input, 'http://frontend.test');
    if (url.pathname.startsWith('/v1/')) {
      requests.push(url.pathname + url.search);
      signals.push(signal);
    }
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => {
        reject(signal.reason as Error);
      });
    });
    const answered = new Promise((resolve) => setTimeout(resolve)).then(() => intercepted(url) ?? answer(url));
    return Promise.race([aborted, answered]);
  });

  return {
    requests,
    signals,
    intercept(respond) {
      intercepted = respond ?? ((): null => null);
    },
  };
}

function answer({ pathname, searchParams }: URL): Response {
  const kind = searchParams.get('kind');
  const ofKind = NODES.filter((known) => kind === null || known.kind === kind);
  if (pathname === '/config.json') {
    return Response.json({ apiUrl: 'http://api.test' });
  }
  if (pathname === '/v1/nodes') {
    const after = searchParams.get('after') ?? '';
    return Response.json({ items: ofKind.filter(({ id }) => id > after), next_after: null });
  }
  if (pathname === '/v1/search') {
    const text = searchParams.get('q')?.toLowerCase() ?? '';
    return Response.json({ items: ofKind.filter(({ name }) => name.toLowerCase().includes(text)) });
  }
  const [, id, neighbours] = /^\/v1\/nodes\/([^/]+)(\/neighbours)?$/.exec(pathname) ?? [];
  const found = NODES.find((known) => known.id === id);
  if (found === undefined) {
    return problem(404, 'Node not found', `there is no node \`${id ?? ''}\``);
  }
  return Response.json(neighbours === undefined ? found : neighbourhood(found.id, Number(searchParams.get('depth'))));
}

function neighbourhood(root: string, depth: number): Neighbourhood {
  const depths = new Map([[root, 0]]);
  for (let level = 1; level <= depth; level++) {
    const inner = new Set(depths.keys());
    for (const { subject, object } of RELATIONS) {
      const [near, far] = inner.has(subject) ? [subject, object] : [object, subject];
      if (inner.has(near) && !depths.has(far)) {
        depths.set(far, level);
      }
    }
  }
  return {
    neighbours: NODES.filter(({ id }) => depths.has(id)).map((known) => ({
      node: known,
      depth: depths.get(known.id) ?? 0,
    })),
    relations: RELATIONS.filter(({ subject, object }) => depths.has(subject) && depths.has(object)),
    truncated: false,
  };
}
