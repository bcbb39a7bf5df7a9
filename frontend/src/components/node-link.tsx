import type { ReactNode } from 'react';
import { nodePath } from '../../common/routes.ts';
import type { GraphNode, NodeKind } from '../api/types.ts';
import { Link } from '../router.tsx';
import { KIND_NAMES } from '../words.ts';

/** A link to the page of a node. */
export function NodeLink({ id, name }: Pick<GraphNode, 'id' | 'name'>): ReactNode {
  return <Link to={nodePath(id)}>{name}</Link>;
}

/** What a node stands for, in a word. */
export function KindBadge({ kind }: { readonly kind: NodeKind }): ReactNode {
  return <span className={`badge kind-${kind}`}>{KIND_NAMES[kind]}</span>;
}
