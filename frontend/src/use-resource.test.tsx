import { act, renderHook } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { useResource } from './use-resource.ts';

interface Deferred {
  readonly load: (signal: AbortSignal) => Promise<string>;
  readonly signals: AbortSignal[];
  answer: (value: string) => Promise<void>;
}

/** A request that ignores its cancellation: the worst that the network can do. */
function deferred(): Deferred {
  const signals: AbortSignal[] = [];
  const pending: ((value: string) => void)[] = [];
  return {
    signals,
    load(signal) {
      signals.push(signal);
      return new Promise((resolve) => pending.push(resolve));
    },
    async answer(value) {
      await act(async () => {
        pending.shift()?.(value);
        await Promise.resolve();
      });
    },
  };
}

describe('useResource', () => {
  it('keeps the newer answer when the older comes last', async () => {
    const [older, newer] = [deferred(), deferred()];
    const { result, rerender } = renderHook(({ load }) => useResource(load), { initialProps: { load: older.load } });
    rerender({ load: newer.load });
    expect(older.signals[0]?.aborted).toBe(true);
    await newer.answer('new');
    expect(result.current.resource).toEqual({ state: 'ready', value: 'new' });
    await older.answer('old');
    expect(result.current.resource).toEqual({ state: 'ready', value: 'new' });
  });

  it('shows no value under a question it does not answer', async () => {
    const [first, second] = [deferred(), deferred()];
    const { result, rerender } = renderHook(({ load }) => useResource(load), { initialProps: { load: first.load } });
    await first.answer('one');
    rerender({ load: second.load });
    expect(result.current.resource).toEqual({ state: 'loading' });
  });

  it('asks again on demand', async () => {
    const request = deferred();
    const { result } = renderHook(() => useResource(request.load));
    await request.answer('one');
    act(() => {
      result.current.retry();
    });
    expect(result.current.resource).toEqual({ state: 'loading' });
    await request.answer('two');
    expect(result.current.resource).toEqual({ state: 'ready', value: 'two' });
  });

  it('cancels what is under way when nobody is there any more', () => {
    const request = deferred();
    renderHook(() => useResource(request.load)).unmount();
    expect(request.signals[0]?.aborted).toBe(true);
  });
});
