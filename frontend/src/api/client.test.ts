import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { FakeBackend } from '../../test/fake-backend.ts';
import { installFakeBackend, problem } from '../../test/fake-backend.ts';
import { createClient } from './client.ts';
import { Problem } from './problem.ts';

const client = createClient('http://api.test');
let signal: AbortSignal;
let backend: FakeBackend;

beforeEach(() => {
  backend = installFakeBackend();
  ({ signal } = new AbortController());
});

async function failure(): Promise<unknown> {
  return client.node('iron', signal).then(
    () => null,
    (error: unknown) => error,
  );
}

describe('requests', () => {
  it('carry what was asked for and leave out what was not', async () => {
    await client.listNodes({ kind: null, after: null, limit: 5 }, signal);
    await client.listNodes({ kind: 'food', after: 'iron', limit: 5 }, signal);
    await client.search({ text: 'a&b c', kind: null, limit: 5 }, signal);
    await client.neighbourhood('iron', 2, signal);
    expect(backend.requests).toEqual([
      '/v1/nodes?limit=5',
      '/v1/nodes?kind=food&after=iron&limit=5',
      '/v1/search?q=a%26b+c&limit=5',
      '/v1/nodes/iron/neighbours?depth=2',
    ]);
  });

  it('cannot be led to another path by an id', async () => {
    await expect(client.node('../search?q=', signal)).rejects.toBeInstanceOf(Problem);
    expect(backend.requests).toEqual(['/v1/nodes/..%2Fsearch%3Fq%3D']);
  });
});

describe('failures', () => {
  it('come in the words of the server', async () => {
    backend.intercept(() => problem(503, 'Database unavailable', 'it is starting'));
    expect(await failure()).toMatchObject({ title: 'Database unavailable', detail: 'it is starting', status: 503 });
  });

  it.each([
    ['a problem without detail', Response.json({ title: 'Gone' }, { status: 410 }), 'Gone', 'status 410'],
    ['HTML', new Response('<h1>Bad gateway</h1>', { status: 502 }), 'could not answer', 'status 502'],
    ['JSON of another kind', Response.json(['title'], { status: 500 }), 'could not answer', 'status 500'],
    ['nothing', new Response(null, { status: 504 }), 'could not answer', 'status 504'],
    ['a page where JSON should be', new Response('<!doctype html>'), 'cannot be read', 'no JSON'],
  ])('find words for %s', async (_, response, title, detail) => {
    backend.intercept(() => response);
    const error = await failure();
    expect(error).toBeInstanceOf(Problem);
    expect(error).toMatchObject({ title: expect.stringContaining(title) as string });
    expect(error).toMatchObject({ detail: expect.stringContaining(detail) as string });
  });

  it('tell a silent network from a server that refuses', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
    expect(await failure()).toMatchObject({ title: 'The server cannot be reached', status: null });
  });

  it('are no problems when the request was cancelled', async () => {
    const controller = new AbortController();
    const pending = client.node('iron', controller.signal);
    controller.abort();
    await expect(pending).rejects.toHaveProperty('name', 'AbortError');
  });
});
