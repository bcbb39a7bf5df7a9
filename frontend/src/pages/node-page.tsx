import type { ReactNode } from 'react';
import { useCallback, useMemo } from 'react';
import { nodePath } from '../../common/routes.ts';
import type { Neighbourhood } from '../api/types.ts';
import { useClient } from '../client-context.ts';
import { GraphView } from '../components/graph-view.tsx';
import { KindBadge } from '../components/node-link.tsx';
import { PageHeading } from '../components/page-heading.tsx';
import { RelationTable } from '../components/relation-table.tsx';
import { Loaded } from '../components/states.tsx';
import { Link, navigate, useAddress } from '../router.tsx';
import { useResource } from '../use-resource.ts';
import { countText } from '../words.ts';

const DEPTHS = [1, 2, 3] as const;

/** The page of a node: what it is, its graph, its relations. */
export function NodePage({ id }: { readonly id: string }): ReactNode {
  const client = useClient();
  const { resource, retry } = useResource(useCallback((signal) => client.node(id, signal), [client, id]));
  return (
    <>
      <p className="back">
        <Link to="/">All nodes</Link>
      </p>
      <Loaded resource={resource} what="the node" onRetry={retry}>
        {(node) => (
          <>
            <PageHeading title={node.name}>
              <KindBadge kind={node.kind} />
            </PageHeading>
            {node.description !== '' && <p className="description">{node.description}</p>}
            <NeighbourhoodSection id={id} />
          </>
        )}
      </Loaded>
    </>
  );
}

function NeighbourhoodSection({ id }: { readonly id: string }): ReactNode {
  const client = useClient();
  const { search } = useAddress();
  const depth = DEPTHS.find((known) => String(known) === search.get('depth')) ?? DEPTHS[0];
  const load = useCallback((signal: AbortSignal) => client.neighbourhood(id, depth, signal), [client, id, depth]);
  const { resource, retry } = useResource(load);
  return (
    <section aria-labelledby="neighbourhood">
      <div className="section-head">
        <h2 id="neighbourhood">Neighbourhood</h2>
        <label>
          <span>Depth</span>
          <select
            value={depth}
            onChange={(event) => {
              navigate(`${nodePath(id)}?depth=${event.target.value}`, { replace: true });
            }}
          >
            {DEPTHS.map((known) => (
              <option key={known} value={known}>
                {countText(known, 'step')}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Loaded resource={resource} what="the neighbourhood" onRetry={retry} summary={summary}>
        {(neighbourhood) => <NeighbourhoodView centre={id} neighbourhood={neighbourhood} />}
      </Loaded>
    </section>
  );
}

interface NeighbourhoodViewProps {
  readonly centre: string;
  readonly neighbourhood: Neighbourhood;
}

function NeighbourhoodView({ centre, neighbourhood }: NeighbourhoodViewProps): ReactNode {
  const { relations } = neighbourhood;
  const nodes = useMemo(() => neighbourhood.neighbours.map(({ node }) => node), [neighbourhood]);
  const names = new Map(nodes.map(({ id, name }) => [id, name]));
  function nameOf(id: string): string {
    return names.get(id) ?? id;
  }
  if (relations.length === 0) {
    return null; // The summary says so.
  }
  const own = relations.filter(({ subject, object }) => subject === centre || object === centre);
  const others = relations.filter((relation) => !own.includes(relation));
  return (
    <>
      <GraphView key={centre} centre={centre} nodes={nodes} relations={relations} />
      <RelationTable caption="Relations" centre={centre} relations={own} nameOf={nameOf} />
      {others.length > 0 && (
        <RelationTable caption="Relations among the neighbours" centre={centre} relations={others} nameOf={nameOf} />
      )}
    </>
  );
}

function summary({ neighbours, relations, truncated }: Neighbourhood): string {
  const found =
    relations.length === 0
      ? 'No relation leads from here to another node.'
      : `${countText(neighbours.length - 1, 'neighbour')}, ${countText(relations.length, 'relation')}.`;
  return truncated ? `${found} There are more than are shown.` : found;
}
