import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Answer } from '../test/http.ts';
import { ask } from '../test/http.ts';
import type { App } from './app.ts';
import { createApp } from './app.ts';
import type { Config } from './config.ts';
import { createLogger } from './logger.ts';

const PAGE = '<!doctype html><title>Vitalyst</title>';
const SCRIPT = 'export const answer = 42;\n'.repeat(100);
const AS_BROWSER = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8', 'sec-fetch-mode': 'navigate' };

let base: string;
let directory: string;
let config: Config;
let app: App;
let port: number;
let lines: Record<string, unknown>[] = [];

async function start(): Promise<App> {
  const started = await createApp(
    config,
    createLogger((line) => lines.push(JSON.parse(line) as Record<string, unknown>)),
  );
  await new Promise<void>((resolve) => started.server.listen(0, '127.0.0.1', resolve));
  return started;
}

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'app-'));
  directory = join(base, 'client');
  await mkdir(join(directory, 'assets'), { recursive: true });
  await writeFile(join(base, 'secret.json'), '{}');
  await writeFile(join(directory, 'index.html'), PAGE);
  await writeFile(join(directory, 'assets', 'app-1b2c.js'), SCRIPT);
  config = {
    port: 0,
    apiUrl: 'https://api.example.org',
    clientDirectory: directory,
    shutdownTimeoutMs: 1000,
    logLevel: 'INFO',
  };
});
afterAll(() => rm(base, { recursive: true }));

beforeEach(async () => {
  lines = [];
  app = await start();
  port = (app.server.address() as AddressInfo).port;
  return async () => {
    if (app.server.listening) {
      await app.drain(1000);
    }
  };
});

function json({ body }: Answer): unknown {
  return JSON.parse(body.toString());
}

async function series(name: string): Promise<string[]> {
  const text = (await ask(port, '/metrics')).body.toString();
  return text.split('\n').filter((line) => line.startsWith(`${name}{`));
}

describe('pages', () => {
  it.each(['/', '/nodes/iron', '/nodes/iron?depth=2', '/nodes/a%20b'])('answers a navigation to %s', async (path) => {
    const answer = await ask(port, path, { headers: AS_BROWSER });
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache' });
    expect(answer.body.toString()).toBe(PAGE);
  });

  it.each([{}, { accept: '*/*' }, { accept: 'application/json' }])(
    'has a front page for whoever asks, %j',
    async (headers) => {
      const answer = await ask(port, '/', { headers });
      expect([answer.status, answer.body.toString()]).toEqual([200, PAGE]);
    },
  );

  it('shows a person the page for an address that is none, with the honest status', async () => {
    const answer = await ask(port, '/nodes/a/b', { headers: { ...AS_BROWSER, 'if-none-match': '*' } });
    expect(answer.status).toBe(404);
    expect(answer.body.toString()).toBe(PAGE);
  });

  it.each([
    ['a script', { accept: '*/*', 'sec-fetch-mode': 'no-cors' }],
    ['a frame of HTML that is no navigation', { accept: 'text/html', 'sec-fetch-mode': 'cors' }],
    ['a client without wishes', {}],
  ])('does not pass the page off as %s', async (_, headers) => {
    for (const path of ['/nodes/iron', '/assets/gone.js']) {
      const answer = await ask(port, path, { headers });
      expect(answer.status).toBe(404);
      expect(answer.headers['content-type']).toBe('application/problem+json');
      expect(json(answer)).toMatchObject({ status: 404, title: 'Not Found' });
    }
  });

  it.each(['/../secret.json', '/assets/../../secret.json', '/%2e%2e/secret.json', '/..%2fsecret.json', '//etc/passwd'])(
    'has nothing to show at %s',
    async (path) => {
      await writeFile(join(directory, '..', 'secret.json'), 'outside').catch(() => undefined);
      expect((await ask(port, path)).status).toBe(404);
    },
  );

  it('tells the browser where the backend is', async () => {
    const answer = await ask(port, '/config.json');
    expect(json(answer)).toEqual({ apiUrl: 'https://api.example.org' });
    expect(answer.headers['cache-control']).toBe('no-cache');
  });

  it('does not start without a built application', async () => {
    const empty = { ...config, clientDirectory: join(directory, 'assets') };
    await expect(createApp(empty, vi.fn())).rejects.toThrow('npm run build');
  });
});

describe('transfer', () => {
  it('compresses for those who can read it', async () => {
    const answer = await ask(port, '/assets/app-1b2c.js', { headers: { 'accept-encoding': 'gzip, br' } });
    expect(answer.headers).toMatchObject({ 'content-encoding': 'br', vary: 'Accept-Encoding' });
    expect(Number(answer.headers['content-length'])).toBe(answer.body.length);
    expect(brotliDecompressSync(answer.body).toString()).toBe(SCRIPT);
    const plain = await ask(port, '/assets/app-1b2c.js');
    expect(plain.headers['content-encoding']).toBeUndefined();
    expect(plain.body.toString()).toBe(SCRIPT);
    expect(plain.headers.etag).not.toBe(answer.headers.etag);
  });

  it('keeps hashed files in caches for ever', async () => {
    const { headers } = await ask(port, '/assets/app-1b2c.js');
    expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
  });

  it('spares the body where the tag matches', async () => {
    const { etag = '' } = (await ask(port, '/', { headers: AS_BROWSER })).headers;
    for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const answer = await ask(port, '/', { headers: { ...AS_BROWSER, 'if-none-match': tag } });
      expect([tag, answer.status, answer.body.length]).toEqual([tag, 304, 0]);
      expect(answer.headers.etag).toBe(etag);
    }
    const changed = await ask(port, '/', { headers: { ...AS_BROWSER, 'if-none-match': '"other"' } });
    expect(changed.status).toBe(200);
  });

  it('answers HEAD as GET, without the body', async () => {
    for (const path of ['/assets/app-1b2c.js', '/health', '/gone']) {
      const [head, get] = [await ask(port, path, { method: 'HEAD' }), await ask(port, path)];
      expect(head.status).toBe(get.status);
      expect(head.body).toHaveLength(0);
      expect(head.headers['content-length']).toBe(String(get.body.length));
    }
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('refuses %s', async (method) => {
    for (const path of ['/', '/assets/app-1b2c.js', '/health']) {
      const answer = await ask(port, path, { method });
      expect(answer.status).toBe(405);
      expect(answer.headers.allow).toBe('GET, HEAD');
      expect(json(answer)).toMatchObject({ title: 'Method Not Allowed' });
    }
  });
});

describe('security headers', () => {
  it('stand on every answer', async () => {
    for (const path of ['/', '/config.json', '/gone', '/health']) {
      const { headers } = await ask(port, path);
      const policy = String(headers['content-security-policy']).split('; ');
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("connect-src 'self' https://api.example.org");
      expect(policy.join()).not.toContain('unsafe');
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'strict-origin-when-cross-origin',
        'cross-origin-opener-policy': 'same-origin',
      });
    }
  });

  it('allow no other origin when the backend has the same', async () => {
    const other = await createApp({ ...config, apiUrl: '/backend' }, vi.fn());
    await new Promise<void>((resolve) => other.server.listen(0, resolve));
    const { headers } = await ask((other.server.address() as AddressInfo).port, '/');
    expect(String(headers['content-security-policy']).split('; ')).toContain("connect-src 'self'");
    await other.drain(1000);
  });
});

describe('request ids and log', () => {
  it('keeps a harmless id and replaces any other', async () => {
    const kept = await ask(port, '/config.json', { headers: { 'x-request-id': 'abc-1.2_3' } });
    expect(kept.headers['x-request-id']).toBe('abc-1.2_3');
    for (const id of ['a b', '<script>', 'x'.repeat(65), '']) {
      const { headers } = await ask(port, '/config.json', { headers: { 'x-request-id': id } });
      expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  it('writes a line for each request, without the query', async () => {
    await ask(port, '/nodes/iron?token=secret', { headers: { ...AS_BROWSER, 'x-request-id': 'id-1' } });
    await vi.waitFor(() => {
      expect(lines).toHaveLength(1);
    });
    expect(lines[0]).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
      level: 'INFO',
      message: 'request',
      request_id: 'id-1',
      method: 'GET',
      path: '/nodes/iron',
      route: '/nodes/{id}',
      status: 200,
      duration_ms: expect.any(Number) as number,
    });
  });
});

describe('observability', () => {
  it('answers the probes', async () => {
    expect(json(await ask(port, '/health'))).toEqual({ status: 'ok' });
    expect(json(await ask(port, '/ready'))).toEqual({ status: 'ready' });
    expect((await ask(port, '/metrics')).headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  });

  it('counts by route: what a client makes up adds no series', async () => {
    for (const path of ['/nodes/iron', '/nodes/zinc', '/made/up', '/made/up/too', '/']) {
      await ask(port, path, { headers: AS_BROWSER });
    }
    await ask(port, '/assets/app-1b2c.js');
    await ask(port, '/config.json');
    await ask(port, '/nodes/iron', { method: 'POST' });
    await vi.waitFor(async () => {
      expect((await series('http_requests_total')).sort()).toEqual([
        'http_requests_total{method="GET",route="/",status="200"} 1',
        'http_requests_total{method="GET",route="/assets/{file}",status="200"} 1',
        'http_requests_total{method="GET",route="/config.json",status="200"} 1',
        'http_requests_total{method="GET",route="/nodes/{id}",status="200"} 2',
        'http_requests_total{method="GET",route="unknown",status="404"} 2',
        'http_requests_total{method="POST",route="unknown",status="405"} 1',
      ]);
    });
    expect(await series('http_request_duration_seconds_count')).toHaveLength(6);
  });

  it('leaves its own paths out of metrics and log', async () => {
    for (const path of ['/health', '/ready', '/metrics', '/health?x']) {
      await ask(port, path);
      await ask(port, path, { method: 'POST' });
    }
    await ask(port, '/config.json');
    await vi.waitFor(() => {
      expect(lines.map(({ path }) => path)).toEqual(['/config.json']);
    });
    expect(await series('http_requests_total')).toHaveLength(1);
  });
});

describe('draining', () => {
  it('ends connections that carry no request, used or not', async () => {
    const unused = connect(port, '127.0.0.1');
    const idle = connect(port, '127.0.0.1');
    const closed = Promise.all([unused, idle].map((socket) => new Promise((resolve) => socket.once('close', resolve))));
    idle.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n');
    await new Promise((resolve) => idle.once('data', resolve));

    expect(await app.drain(5000)).toBe(true);
    await closed;
    await expect(ask(port, '/health')).rejects.toThrow('ECONNREFUSED');
  });
});
