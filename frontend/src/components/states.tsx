import type { ReactNode } from 'react';
import { Problem } from '../api/problem.ts';
import type { Resource } from '../use-resource.ts';

interface LoadedProps<Value> {
  readonly resource: Resource<Value>;
  readonly what: string;
  readonly onRetry: () => void;
  /** One sentence about what came; nothing where the content speaks for itself. */
  readonly summary?: (value: Value) => string;
  readonly children: (value: Value) => ReactNode;
}

/**
 * The three faces of everything that comes over the network. The line of status stays in place while its text changes:
 * screen readers announce a change, but not a line that appears together with its text.
 */
export function Loaded<Value>({ resource, what, onRetry, summary, children }: LoadedProps<Value>): ReactNode {
  return (
    <>
      <p role="status" className="status">
        {resource.state === 'loading' && `Loading ${what}…`}
        {resource.state === 'ready' && summary?.(resource.value)}
      </p>
      {resource.state === 'failed' && <Failure error={resource.error} onRetry={onRetry} />}
      {resource.state === 'ready' && children(resource.value)}
    </>
  );
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
