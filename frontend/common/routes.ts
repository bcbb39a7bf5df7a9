/**
 * The pages of the application. Both halves read this table: the browser to decide what to draw, the server to tell a
 * page from a mistyped address and to label its metrics with a bounded set of names.
 */

export type Route =
  | { readonly page: 'search'; readonly pattern: '/' }
  | { readonly page: 'node'; readonly pattern: '/nodes/{id}'; readonly id: string }
  | { readonly page: 'unknown'; readonly pattern: null };

const UNKNOWN: Route = { page: 'unknown', pattern: null };

/** Matches a path as it stands in a URL, that is, still percent-encoded. */
export function matchRoute(pathname: string): Route {
  if (pathname === '/') {
    return { page: 'search', pattern: '/' };
  }
  const id = /^\/nodes\/([^/]+)$/.exec(pathname)?.[1];
  if (id === undefined) {
    return UNKNOWN;
  }
  try {
    return { page: 'node', pattern: '/nodes/{id}', id: decodeURIComponent(id) };
  } catch {
    return UNKNOWN; // A stray "%" is no valid encoding.
  }
}

/** The path of the page of a node. */
export function nodePath(id: string): string {
  return `/nodes/${encodeURIComponent(id)}`;
}
