import { useCallback, useEffect, useState } from 'react';

/** Something that is loaded, and how far that is. */
export type Resource<Value> =
  | { readonly state: 'loading' }
  | { readonly state: 'ready'; readonly value: Value }
  | { readonly state: 'failed'; readonly error: unknown };

interface Settled<Value> {
  readonly load: (signal: AbortSignal) => Promise<Value>;
  readonly attempt: number;
  readonly resource: Resource<Value>;
}

const LOADING = { state: 'loading' } as const;

/**
 * Loads anew whenever `load` changes, so callers memoize it by what it depends on. A request nobody waits for any more is
 * cancelled, and a late answer to it is never shown.
 */
export function useResource<Value>(load: (signal: AbortSignal) => Promise<Value>): {
  readonly resource: Resource<Value>;
  readonly retry: () => void;
} {
  const [attempt, setAttempt] = useState(0);
  const [settled, setSettled] = useState<Settled<Value> | null>(null);

  useEffect(() => {
    const controller = new AbortController();
    function settle(resource: Resource<Value>): void {
      if (!controller.signal.aborted) {
        setSettled({ load, attempt, resource });
      }
    }
    load(controller.signal).then(
      (value) => {
        settle({ state: 'ready', value });
      },
      (error: unknown) => {
        settle({ state: 'failed', error });
      },
    );
    return () => {
      controller.abort();
    };
  }, [load, attempt]);

  const retry = useCallback(() => {
    setAttempt((count) => count + 1);
  }, []);
  const current = settled?.load === load && settled.attempt === attempt;
  return { resource: current ? settled.resource : LOADING, retry };
}
