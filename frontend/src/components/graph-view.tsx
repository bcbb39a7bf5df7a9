import type { KeyboardEvent, ReactNode } from 'react';
import { useId, useMemo, useRef, useState } from 'react';
import { nodePath } from '../../common/routes.ts';
import type { GraphNode, Relation, RelationKind } from '../api/types.ts';
import { NODE_KINDS } from '../api/types.ts';
import { curveAround, curvePath } from '../graph/edge.ts';
import type { Direction, Layout, Place } from '../graph/layout.ts';
import { layoutNeighbourhood, neighbourPlace } from '../graph/layout.ts';
import { followLink } from '../router.tsx';
import { countText, KIND_NAMES, RELATION_VERBS } from '../words.ts';

interface GraphViewProps {
  readonly centre: string;
  readonly nodes: readonly GraphNode[];
  readonly relations: readonly Relation[];
}

interface Line {
  readonly kind: RelationKind;
  readonly from: string;
  readonly to: string;
}

const NODE_RADIUS = 15;
const ARROW_LENGTH = 9;
const MARGIN_X = 170;
const MARGIN_Y = 45;
const LABEL_LENGTH_MAX = 18;

const DIRECTIONS: Readonly<Record<string, Direction>> = {
  ArrowRight: 'around',
  ArrowLeft: 'back',
  ArrowUp: 'outward',
  ArrowDown: 'inward',
};

/**
 * The neighbourhood as a picture. Its nodes are links, one of them in the tab order; the arrow keys move among them. The
 * same facts stand in the table beside it, so nobody depends on the picture.
 */
export function GraphView({ centre, nodes, relations }: GraphViewProps): ReactNode {
  const [current, setCurrent] = useState(centre);
  const links = useRef(new Map<string, { focus: () => void }>());
  const arrow = useId();
  const lines = useMemo(() => distinctLines(relations), [relations]);
  const layout = useMemo(
    () =>
      layoutNeighbourhood(
        centre,
        nodes.map(({ id }) => id),
        lines,
      ),
    [centre, nodes, lines],
  );
  const edges = useMemo(() => drawLines(lines, layout.places), [lines, layout]);
  const places = new Map(layout.places.map((place) => [place.id, place]));

  function move(event: KeyboardEvent, place: Place): void {
    const target = destination(event.key, layout, place);
    if (target !== null) {
      event.preventDefault(); // The arrow keys would scroll the page.
      links.current.get(target.id)?.focus();
    }
  }

  const { left, top, right, bottom } = layout.bounds;
  const width = right - left + 2 * MARGIN_X;
  const height = bottom - top + 2 * MARGIN_Y;
  const name = nodes.find(({ id }) => id === centre)?.name ?? centre;
  return (
    <figure className="graph">
      <svg
        role="group"
        aria-label={`Graph around ${name}: ${countText(nodes.length, 'node')}. Arrow keys move among them, Enter opens one.`}
        viewBox={[left - MARGIN_X, top - MARGIN_Y, width, height].join(' ')}
        width={width}
        height={height}
      >
        <defs>
          <marker
            id={arrow}
            viewBox="0 0 8 8"
            refX="0"
            refY="4"
            markerWidth="8"
            markerHeight="8"
            markerUnits="userSpaceOnUse"
            orient="auto"
          >
            <path d="M0 0 8 4 0 8Z" />
          </marker>
        </defs>
        <g aria-hidden="true">
          {edges.map(({ kind, from, to, path }) => (
            <path
              key={[kind, from, to].join(' ')}
              className={`edge relation-${kind}${from === current || to === current ? ' touched' : ''}`}
              markerEnd={`url(#${arrow})`}
              d={path}
            />
          ))}
        </g>
        {nodes.map((node) => {
          const place = places.get(node.id);
          return (
            place && (
              <g key={node.id} transform={`translate(${place.x} ${place.y})`}>
                <a
                  ref={(link) => {
                    if (link !== null) {
                      links.current.set(node.id, link);
                    }
                    return () => {
                      links.current.delete(node.id);
                    };
                  }}
                  href={nodePath(node.id)}
                  className={`kind-${node.kind}${node.id === centre ? ' centre' : ''}`}
                  aria-label={`${node.name}, ${KIND_NAMES[node.kind]}`}
                  aria-current={node.id === centre ? 'page' : undefined}
                  tabIndex={node.id === current ? 0 : -1}
                  onFocus={() => {
                    setCurrent(node.id);
                  }}
                  onKeyDown={(event) => {
                    move(event, place);
                  }}
                  onClick={(event) => {
                    followLink(event, nodePath(node.id));
                  }}
                >
                  <title>{node.name}</title>
                  <circle r={NODE_RADIUS} />
                  <text className="initial" dy="0.35em" textAnchor="middle" aria-hidden="true">
                    {KIND_NAMES[node.kind].charAt(0)}
                  </text>
                  <text className="label" aria-hidden="true" {...labelPosition(place)}>
                    {shorten(node.name)}
                  </text>
                </a>
              </g>
            )
          );
        })}
      </svg>
      <figcaption>
        <ul className="legend">
          {NODE_KINDS.filter((kind) => nodes.some((node) => node.kind === kind)).map((kind) => (
            <li key={kind}>
              <span className={`dot kind-${kind}`} aria-hidden="true">
                {KIND_NAMES[kind].charAt(0)}
              </span>
              {KIND_NAMES[kind]}
            </li>
          ))}
          {[...new Set(lines.map(({ kind }) => kind))].sort().map((kind) => (
            <li key={kind}>
              <svg className="sample" viewBox="0 0 28 8" width="28" height="8" aria-hidden="true">
                <line className={`edge relation-${kind} touched`} x1="0" y1="4" x2="28" y2="4" />
              </svg>
              {RELATION_VERBS[kind]}
            </li>
          ))}
        </ul>
      </figcaption>
    </figure>
  );
}

/** Several sources may state the same fact; it is drawn once. */
function distinctLines(relations: readonly Relation[]): readonly Line[] {
  const lines = relations.map(
    ({ kind, subject, object }) => [[kind, subject, object].join(' '), { kind, from: subject, to: object }] as const,
  );
  return [...new Map(lines).values()];
}

function destination(key: string, layout: Layout, from: Place): Place | null {
  if (key === 'Home') {
    return layout.places[0] ?? null;
  }
  const direction = DIRECTIONS[key];
  return direction === undefined ? null : neighbourPlace(layout, from, direction);
}

/** Lines to nodes that are not part of the picture are left out. */
function drawLines(lines: readonly Line[], places: readonly Place[]): readonly (Line & { readonly path: string })[] {
  return lines.flatMap((line) => {
    const from = places.find(({ id }) => id === line.from);
    const to = places.find(({ id }) => id === line.to);
    if (from === undefined || to === undefined) {
      return [];
    }
    const others = places.filter((place) => place !== from && place !== to);
    const path = curvePath(curveAround(from, to, others), NODE_RADIUS, NODE_RADIUS + ARROW_LENGTH);
    return [{ ...line, path }];
  });
}

/** Outside the ring and on the side of the node, where the lines are not. */
function labelPosition({ ring, angle }: Place): { x: number; y: number; textAnchor: 'start' | 'middle' | 'end' } {
  const sideways = Math.cos(angle);
  if (ring === 0 || Math.abs(sideways) < 0.2) {
    const above = ring > 0 && Math.sin(angle) < 0;
    return { x: 0, y: (NODE_RADIUS + 13) * (above ? -1 : 1) + 4, textAnchor: 'middle' };
  }
  return { x: Math.sign(sideways) * (NODE_RADIUS + 6), y: 4, textAnchor: sideways > 0 ? 'start' : 'end' };
}

function shorten(name: string): string {
  return name.length > LABEL_LENGTH_MAX ? `${name.slice(0, LABEL_LENGTH_MAX - 1).trimEnd()}…` : name;
}
