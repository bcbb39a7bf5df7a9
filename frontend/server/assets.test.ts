import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Asset } from './assets.ts';
import { chooseEncoding, createAsset, loadAssets } from './assets.ts';

const SCRIPT = Buffer.from('export const answer = 42;\n'.repeat(100));

describe('createAsset', () => {
  it('compresses text without changing it', async () => {
    const { bodies } = await createAsset('/assets/a.js', SCRIPT);
    expect(bodies.br && brotliDecompressSync(bodies.br)).toEqual(SCRIPT);
    expect(bodies.gzip && gunzipSync(bodies.gzip)).toEqual(SCRIPT);
    expect(bodies.br?.length).toBeLessThan(SCRIPT.length);
  });

  it('leaves alone what is small or compressed already', async () => {
    expect(Object.keys((await createAsset('/a.js', Buffer.from('1'))).bodies)).toEqual(['identity']);
    expect(Object.keys((await createAsset('/a.woff2', Buffer.alloc(10_000))).bodies)).toEqual(['identity']);
  });

  it.each([
    ['/index.html', 'text/html; charset=utf-8', 'no-cache'],
    ['/config.json', 'application/json; charset=utf-8', 'no-cache'],
    ['/favicon.svg', 'image/svg+xml; charset=utf-8', 'public, max-age=3600'],
    ['/assets/a-1b2c.css', 'text/css; charset=utf-8', 'public, max-age=31536000, immutable'],
    ['/assets/a.unheard', 'application/octet-stream', 'public, max-age=31536000, immutable'],
  ])('knows the headers of %s', async (path, contentType, cacheControl) => {
    expect(await createAsset(path, SCRIPT)).toMatchObject({ contentType, cacheControl });
  });

  it('tags by content alone', async () => {
    const { etag } = await createAsset('/a.js', SCRIPT);
    expect((await createAsset('/b.js', SCRIPT)).etag).toBe(etag);
    expect((await createAsset('/a.js', SCRIPT.subarray(1))).etag).not.toBe(etag);
  });
});

describe('chooseEncoding', () => {
  let compressed: Asset;
  beforeAll(async () => {
    compressed = await createAsset('/a.js', SCRIPT);
  });

  it.each([
    ['gzip, deflate, br, zstd', 'br'],
    ['BR', 'br'],
    ['gzip', 'gzip'],
    ['br;q=0, gzip;q=0.5', 'gzip'],
    ['br; q=0.0, gzip; q=0', 'identity'],
    ['br;q=0.01', 'br'],
    ['', 'identity'],
    [undefined, 'identity'],
  ])('answers "%s" with %s', (header, encoding) => {
    expect(chooseEncoding(compressed, header)).toBe(encoding);
  });

  it('offers only what there is', async () => {
    expect(chooseEncoding(await createAsset('/a.js', Buffer.from('1')), 'br, gzip')).toBe('identity');
  });
});

describe('loadAssets', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'assets-'));
    await mkdir(join(directory, 'public', 'assets'), { recursive: true });
    await writeFile(join(directory, 'secret'), 'outside');
    await writeFile(join(directory, 'public', 'index.html'), 'page');
    await writeFile(join(directory, 'public', 'assets', 'a.js'), 'script');
    await symlink(join(directory, 'secret'), join(directory, 'public', 'link'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  it('knows exactly the files below the directory, and follows no link out of it', async () => {
    const assets = await loadAssets(join(directory, 'public'));
    expect([...assets.keys()].sort()).toEqual(['/assets/a.js', '/index.html']);
    expect(assets.get('/assets/a.js')?.bodies.identity.toString()).toBe('script');
  });
});
