import { Problem } from './problem.ts';
import type { GraphNode, Neighbourhood, NodeKind, NodePage, SearchResult } from './types.ts';

/** What the pages ask of the backend. A request ends when its signal does. */
export interface Client {
  readonly listNodes: (query: ListQuery, signal: AbortSignal) => Promise<NodePage>;
  readonly search: (query: SearchQuery, signal: AbortSignal) => Promise<SearchResult>;
  readonly node: (id: string, signal: AbortSignal) => Promise<GraphNode>;
  readonly neighbourhood: (id: string, depth: number, signal: AbortSignal) => Promise<Neighbourhood>;
}

/** Which page of the list of nodes. */
export interface ListQuery {
  readonly kind: NodeKind | null;
  readonly after: string | null;
  readonly limit: number;
}

/** What is looked for. */
export interface SearchQuery {
  readonly text: string;
  readonly kind: NodeKind | null;
  readonly limit: number;
}

/** A client of the backend at this address. */
export function createClient(apiUrl: string): Client {
  const base = `${apiUrl}/v1`;
  return {
    listNodes: ({ kind, after, limit }, signal) =>
      get<NodePage>(`${base}/nodes${query({ kind, after, limit })}`, signal),
    search: ({ text, kind, limit }, signal) =>
      get<SearchResult>(`${base}/search${query({ q: text, kind, limit })}`, signal),
    node: (id, signal) => get<GraphNode>(`${base}/nodes/${encodeURIComponent(id)}`, signal),
    neighbourhood: (id, depth, signal) =>
      get<Neighbourhood>(`${base}/nodes/${encodeURIComponent(id)}/neighbours${query({ depth })}`, signal),
  };
}

/** Asks the server that delivered the page where its backend is. */
export async function loadClient(signal: AbortSignal): Promise<Client> {
  const { apiUrl } = await get<{ readonly apiUrl: string }>('/config.json', signal);
  return createClient(apiUrl);
}

async function get<Value>(url: string, signal: AbortSignal): Promise<Value> {
  const response = await fetch(url, { signal, headers: { Accept: 'application/json' } }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw new Problem('The server cannot be reached', error instanceof Error ? error.message : String(error), null);
  });
  if (!response.ok) {
    throw await Problem.of(response);
  }
  try {
    return (await response.json()) as Value;
  } catch {
    signal.throwIfAborted();
    throw new Problem('The answer cannot be read', 'It is no JSON.', response.status);
  }
}

function query(parameters: Readonly<Record<string, string | number | null>>): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== null);
  return `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()}`;
}
