import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { build } from 'vite';
import { ask } from '../test/http.ts';

/** More than the buffers of two sockets hold, and incompressible: a client that does not read keeps it in flight. */
const LARGE = randomBytes(16 * 1024 * 1024);

type Line = Readonly<Record<string, unknown>>;

interface Running {
  readonly child: ChildProcess;
  readonly lines: Line[];
  readonly exit: Promise<number | null>;
}

let directory: string;
let clientDirectory: string;
const running: ChildProcess[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'server-'));
  clientDirectory = join(directory, 'client');
  await mkdir(join(clientDirectory, 'assets'), { recursive: true });
  await writeFile(join(clientDirectory, 'index.html'), '<!doctype html>');
  await writeFile(join(clientDirectory, 'assets', 'large.bin'), LARGE);
  await writeFile(join(directory, 'package.json'), '{"type":"module"}');
  // The very build of production, so that what is tested is what is shipped.
  await build({ logLevel: 'error', build: { ssr: 'server/main.ts', outDir: join(directory, 'server') } });
});
afterEach(() => {
  running.splice(0).forEach((child) => child.kill('SIGKILL'));
});
afterAll(() => rm(directory, { recursive: true }));

function launch(env: Record<string, string>): Running {
  const child = spawn(process.execPath, [join(directory, 'server', 'main.js')], {
    env: { CLIENT_DIRECTORY: clientDirectory, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.push(child);
  const lines: Line[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(JSON.parse(line) as Line));
  return { child, lines, exit: new Promise((resolve) => child.once('close', resolve)) };
}

function said({ lines }: Running, message: string): Promise<Line> {
  return vi.waitUntil(() => lines.find((line) => line['message'] === message), { timeout: 5000, interval: 10 });
}

async function portOf(server: Running): Promise<number> {
  return Number((await said(server, 'listening'))['port']);
}

/** Asks for the large file and stops reading once the answer has begun. */
async function beginDownload(port: number): Promise<{ readonly socket: Socket; readonly rest: () => Promise<Buffer> }> {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.once('data', () => socket.pause());
  socket.write('GET /assets/large.bin HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(socket, 'data');
  async function rest(): Promise<Buffer> {
    socket.resume();
    await once(socket, 'close');
    return Buffer.concat(chunks);
  }
  return { socket, rest };
}

describe('start', () => {
  it('names every problem of its environment and exits', async () => {
    const server = launch({ NODE_ENV: 'production', PORT: 'http' });
    expect(await server.exit).toBe(2);
    expect(server.lines).toEqual([
      expect.objectContaining({
        level: 'ERROR',
        message: 'invalid configuration',
        problems: [expect.stringContaining('PORT'), expect.stringContaining('API_URL')],
      }),
    ]);
  });

  it('says so when the application is not built', async () => {
    const server = launch({ CLIENT_DIRECTORY: join(directory, 'server') });
    expect(await server.exit).toBe(1);
    expect(server.lines[0]?.['message']).toContain('npm run build');
  });

  it('says so when the port is taken', async () => {
    const first = await portOf(launch({}));
    const second = launch({ PORT: String(first) });
    expect(await second.exit).toBe(1);
    expect(second.lines[0]?.['message']).toContain('EADDRINUSE');
  });

  it('reads the address of the backend when it starts, not when it was built', async () => {
    for (const apiUrl of ['https://one.example.org', 'https://two.example.org']) {
      const port = await portOf(launch({ API_URL: apiUrl }));
      expect(JSON.parse((await ask(port, '/config.json')).body.toString())).toEqual({ apiUrl });
    }
  });
});

describe('stop', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('exits with 0 on %s, whatever connections wait', async (signal) => {
    const server = launch({});
    const waiting = connect(await portOf(server), '127.0.0.1');
    await once(waiting, 'connect');
    server.child.kill(signal);
    expect(await server.exit).toBe(0);
    expect(server.lines.at(-1)).toMatchObject({ message: 'stopping', signal });
  });

  it('accepts nothing new, but finishes what is in flight', async () => {
    const server = launch({});
    const port = await portOf(server);
    const download = await beginDownload(port);
    server.child.kill('SIGTERM');
    await said(server, 'stopping');
    await expect(ask(port, '/health')).rejects.toThrow('ECONNREFUSED');
    download.socket.write('GET /ready HTTP/1.1\r\nHost: x\r\n\r\n');

    const received = await download.rest();
    expect(received.includes(LARGE)).toBe(true);
    const lastAnswer = received.subarray(-2000).toString('latin1');
    expect(lastAnswer).toContain('HTTP/1.1 503 Service Unavailable');
    expect(lastAnswer).toContain('Connection: close');
    expect(await server.exit).toBe(0);
    expect(server.lines.at(-1)).toMatchObject({ path: '/assets/large.bin', status: 200 });
  });

  it('does not wait for a next request once the last is answered', async () => {
    const server = launch({});
    const download = await beginDownload(await portOf(server));
    server.child.kill('SIGTERM');
    await said(server, 'stopping');
    expect((await download.rest()).includes(LARGE)).toBe(true);
    expect(await server.exit).toBe(0);
  });

  it('gives up at the deadline, and says so', async () => {
    const server = launch({ SHUTDOWN_TIMEOUT_SECONDS: '0' });
    const download = await beginDownload(await portOf(server));
    server.child.kill('SIGTERM');
    expect(await server.exit).toBe(1);
    expect(server.lines.map(({ message }) => message)).toContain('stopped with requests unfinished');
    expect(server.lines).toContainEqual(expect.objectContaining({ path: '/assets/large.bin', status: 499 }));
    expect((await download.rest()).length).toBeLessThan(LARGE.length);
  });
});
