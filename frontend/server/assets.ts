import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

/** How the body of an answer is encoded, as HTTP names it. */
export type Encoding = 'br' | 'gzip' | 'identity';

/** A file of the application, ready to be sent. */
export interface Asset {
  readonly contentType: string;
  readonly cacheControl: string;
  readonly etag: string;
  /** Always holds `identity`; the others only where compression pays. */
  readonly bodies: Readonly<Partial<Record<Encoding, Buffer>>> & { readonly identity: Buffer };
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.woff2': 'font/woff2',
};

const COMPRESSIBLE = /^text\/|json|svg/;

/** Below this size the headers of compression cost more than it saves. */
const COMPRESS_FROM_BYTES = 1024;

const compressBrotli = promisify(brotliCompress);
const compressGzip = promisify(gzip);

/**
 * Reads the built application into memory, compressed once. A request then is a look-up in this map: no request names a
 * file, so none can climb out of the directory, and nothing is compressed twice.
 */
export async function loadAssets(directory: string): Promise<ReadonlyMap<string, Asset>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const assets = await Promise.all(
    files.map(async (file) => {
      const path = `/${relative(directory, file).split(sep).join('/')}`;
      return [path, await createAsset(path, await readFile(file))] as const;
    }),
  );
  return new Map(assets);
}

/** A file with what its headers say of it, compressed where that pays. */
export async function createAsset(path: string, identity: Buffer): Promise<Asset> {
  const contentType = CONTENT_TYPES[extname(path)] ?? 'application/octet-stream';
  return {
    contentType,
    cacheControl: cacheControl(path),
    etag: createHash('sha256').update(identity).digest('base64url').slice(0, 27),
    bodies: { identity, ...(await compress(contentType, identity)) },
  };
}

function cacheControl(path: string): string {
  if (path.startsWith('/assets/')) {
    return 'public, max-age=31536000, immutable'; // The build puts a hash of the content into these names.
  }
  return path.endsWith('.html') || path === '/config.json' ? 'no-cache' : 'public, max-age=3600';
}

async function compress(contentType: string, identity: Buffer): Promise<Partial<Record<Encoding, Buffer>>> {
  if (identity.length < COMPRESS_FROM_BYTES || !COMPRESSIBLE.test(contentType)) {
    return {};
  }
  const [br, gz] = await Promise.all([
    compressBrotli(identity, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
    compressGzip(identity, { level: 9 }),
  ]);
  return { br, gzip: gz };
}

/** The best encoding both sides know. Honours `q=0`; other weights are ignored, since smaller is better for everyone. */
export function chooseEncoding(asset: Asset, acceptEncoding: string | undefined): Encoding {
  const accepted = new Set<string>();
  for (const item of (acceptEncoding ?? '').toLowerCase().split(',')) {
    const [name = '', ...parameters] = item.split(';').map((part) => part.trim());
    if (!parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))) {
      accepted.add(name);
    }
  }
  const available = ['br', 'gzip'] as const;
  return available.find((encoding) => asset.bodies[encoding] !== undefined && accepted.has(encoding)) ?? 'identity';
}
