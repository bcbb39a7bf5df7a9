import type { ReactNode } from 'react';
import type { Relation } from '../api/types.ts';
import { RELATION_VERBS, unitText, weightText } from '../words.ts';
import { NodeLink } from './node-link.tsx';

interface RelationTableProps {
  readonly caption: string;
  /** The node whose page this is: named, but not linked to. */
  readonly centre: string;
  readonly relations: readonly Relation[];
  readonly nameOf: (id: string) => string;
}

/** Relations as rows: who, does what, to whom, how much, by which source. */
export function RelationTable({ caption, centre, relations, nameOf }: RelationTableProps): ReactNode {
  function mention(id: string): ReactNode {
    return id === centre ? <strong>{nameOf(id)}</strong> : <NodeLink id={id} name={nameOf(id)} />;
  }
  return (
    <table>
      <caption>{caption}</caption>
      <thead>
        <tr>
          <th scope="col">Relation</th>
          <th scope="col" className="number">
            Weight
          </th>
          <th scope="col">Unit</th>
          <th scope="col">Source</th>
        </tr>
      </thead>
      <tbody>
        {relations.map((relation) => (
          <tr key={relationKey(relation)}>
            <th scope="row">
              {mention(relation.subject)} {RELATION_VERBS[relation.kind]} {mention(relation.object)}
            </th>
            <td className="number">{weightText(relation)}</td>
            <td>{unitText(relation)}</td>
            <td>{mention(relation.source)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function relationKey({ subject, kind, object, source }: Relation): string {
  return [subject, kind, object, source].join(' '); // Each source states a fact once.
}
