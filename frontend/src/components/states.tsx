import type { ReactNode } from 'react';
import { Problem } from '../api/problem.ts';
import type { Resource } from '../use-resource.ts';

interface LoadedProps<Value> {
  readonly resource: Resource<Value>;
  readonly what: string;
  readonly onRetry: () => void;
  readonly children: (value: Value) => ReactNode;
}

/** The three faces of everything that comes over the network. */
export function Loaded<Value>({ resource, what, onRetry, children }: LoadedProps<Value>): ReactNode {
  switch (resource.state) {
    case 'loading':
      return (
        <p className="loading" role="status">
          Loading {what}…
        </p>
      );
    case 'failed':
      return <Failure error={resource.error} onRetry={onRetry} />;
    case 'ready':
      return children(resource.value);
  }
}

function Failure({ error, onRetry }: { readonly error: unknown; readonly onRetry: () => void }): ReactNode {
  const { title, detail } = Problem.from(error);
  return (
    <div className="failure" role="alert">
      <p className="failure-title">{title}</p>
      <p>{detail}</p>
      <button type="button" onClick={onRetry}>
        Try again
      </button>
    </div>
  );
}
