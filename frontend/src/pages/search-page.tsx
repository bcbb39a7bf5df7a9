import type { ReactNode } from 'react';
import { useCallback, useEffect, useState } from 'react';
import { Link, navigate, useAddress } from '../router.tsx';
import type { GraphNode, NodeKind } from '../api/types.ts';
import { NODE_KINDS } from '../api/types.ts';
import { useClient } from '../client-context.ts';
import { KindBadge, NodeLink } from '../components/node-link.tsx';
import { PageHeading } from '../components/page-heading.tsx';
import { Loaded } from '../components/states.tsx';
import { useResource } from '../use-resource.ts';
import { countText, KIND_PLURALS } from '../words.ts';

const DEBOUNCE_MS = 250;
const PAGE_SIZE = 24;
const SEARCH_LIMIT = 50;

interface Found {
  readonly nodes: readonly GraphNode[];
  readonly nextPage: string | null;
}

/** Without words it leafs through all nodes, with words it searches; the address holds both, so it can be shared. */
export function SearchPage(): ReactNode {
  const client = useClient();
  const { search: address } = useAddress();
  const kind = kindNamed(address.get('kind'));
  const after = address.get('after');
  const typed = address.get('q') ?? '';
  const sought = typed.trim();
  const leafing = after !== null && sought === '';
  /** What is typed but not yet in the address; null while the two agree. */
  const [draft, setDraft] = useState<string | null>(null);
  const text = draft ?? typed;

  useEffect(() => {
    if (draft === null) {
      return;
    }
    const timer = setTimeout(() => {
      commit(draft, kind);
    }, DEBOUNCE_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [draft, kind]);

  function commit(text: string, kind: NodeKind | null): void {
    setDraft(null);
    navigate(searchPath(text, kind), { replace: true });
  }

  const load = useCallback(
    async (signal: AbortSignal): Promise<Found> => {
      if (sought !== '') {
        const { items } = await client.search({ text: sought, kind, limit: SEARCH_LIMIT }, signal);
        return { nodes: items, nextPage: null };
      }
      const page = await client.listNodes({ kind, after, limit: PAGE_SIZE }, signal);
      return { nodes: page.items, nextPage: page.next_after };
    },
    [client, sought, kind, after],
  );
  const { resource, retry } = useResource(load);

  return (
    <>
      <PageHeading title="Explore what food is made of" />
      <form
        role="search"
        className="search"
        onSubmit={(event) => {
          event.preventDefault();
          commit(text, kind);
        }}
      >
        <label>
          <span>Search</span>
          <input
            type="search"
            autoComplete="off"
            placeholder="spinach, iron, vitamin c…"
            maxLength={100}
            value={text}
            onChange={(event) => {
              setDraft(event.target.value);
            }}
          />
        </label>
        <label>
          <span>Kind</span>
          <select
            value={kind ?? ''}
            onChange={(event) => {
              commit(text, kindNamed(event.target.value));
            }}
          >
            <option value="">All kinds</option>
            {NODE_KINDS.map((known) => (
              <option key={known} value={known}>
                {KIND_PLURALS[known]}
              </option>
            ))}
          </select>
        </label>
      </form>
      <Loaded resource={resource} what="nodes" onRetry={retry} summary={({ nodes }) => summary(nodes.length, sought)}>
        {({ nodes, nextPage }) => (
          <>
            <ul className="results">
              {nodes.map((node) => (
                <li key={node.id}>
                  <NodeLink id={node.id} name={node.name} /> <KindBadge kind={node.kind} />
                  {node.description !== '' && <p>{node.description}</p>}
                </li>
              ))}
            </ul>
            {(leafing || nextPage !== null) && (
              <nav className="pages" aria-label="Pages">
                {leafing && <Link to={searchPath('', kind)}>First page</Link>}
                {nextPage !== null && <Link to={searchPath('', kind, nextPage)}>Next page</Link>}
              </nav>
            )}
          </>
        )}
      </Loaded>
    </>
  );
}

function kindNamed(name: string | null): NodeKind | null {
  return NODE_KINDS.find((kind) => kind === name) ?? null;
}

function searchPath(text: string, kind: NodeKind | null, after: string | null = null): string {
  const parameters = Object.entries({ q: text, kind, after }).filter(([, value]) => value !== null && value !== '');
  const query = new URLSearchParams(parameters as [string, string][]).toString();
  return query === '' ? '/' : `/?${query}`;
}

function summary(count: number, sought: string): string {
  if (count === 0) {
    return sought === '' ? 'There are no nodes here.' : `Nothing is called “${sought}”. Try a shorter word.`;
  }
  if (sought === '') {
    return `Showing ${countText(count, 'node')} in alphabetical order.`;
  }
  return count === SEARCH_LIMIT
    ? `The first ${countText(count, 'match', 'matches')} for “${sought}”.`
    : `${countText(count, 'match', 'matches')} for “${sought}”.`;
}
