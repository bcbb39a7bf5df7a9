import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer, STATUS_CODES } from 'node:http';
import { matchRoute } from '../common/routes.ts';
import type { Asset } from './assets.ts';
import { chooseEncoding, createAsset, loadAssets } from './assets.ts';
import type { Config } from './config.ts';
import { trackConnections } from './connections.ts';
import type { Logger } from './logger.ts';
import { CONTENT_TYPE as METRICS_CONTENT_TYPE, Metrics } from './metrics.ts';

interface Application {
  readonly files: ReadonlyMap<string, Asset>;
  /** The page every navigation gets; what it shows is decided in the browser. */
  readonly shell: Asset;
}

/** The server, and how it stops. */
export interface App {
  readonly server: Server;
  /** Refuses new connections, lets requests in flight end; resolves to whether all did within the time allowed. */
  readonly drain: (timeoutMs: number) => Promise<boolean>;
}

/** Asked for by machines every few seconds: in the log and the request metrics they would drown the visitors. */
const OBSERVABILITY_PATHS: ReadonlySet<string> = new Set(['/health', '/ready', '/metrics']);

/** The route of whatever no route matches: guessed paths must not make new series. */
const UNKNOWN_ROUTE = 'unknown';

/** Recorded when a client hangs up before it has the whole answer; it never reaches anybody. */
const CLIENT_CLOSED_REQUEST = 499;

/** Reads the built application and makes the server that answers with it; it does not listen yet. */
export async function createApp(config: Config, log: Logger): Promise<App> {
  const assets = await loadApplication(config);
  const metrics = new Metrics();
  const headers = securityHeaders(config.apiUrl);
  let draining = false;

  /** Answers, and names the route for log and metrics: from a bounded set, whatever a client asks for. */
  function handle(request: IncomingMessage, response: ServerResponse, path: string): string {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      sendProblem(request, response, 405, 'Only GET and HEAD are supported');
      return UNKNOWN_ROUTE;
    }
    switch (path) {
      case '/health':
        sendJson(request, response, 200, { status: 'ok' });
        return path;
      case '/ready':
        if (draining) {
          sendProblem(request, response, 503, 'The server is stopping');
        } else {
          sendJson(request, response, 200, { status: 'ready' });
        }
        return path;
      case '/metrics':
        send(request, response, 200, METRICS_CONTENT_TYPE, metrics.render());
        return path;
      default:
        return sendPage(request, response, path, assets);
    }
  }

  const server = createServer((request, response) => {
    const started = performance.now();
    const requestId = acceptRequestId(request.headers['x-request-id']);
    const method = request.method ?? 'GET';
    const path = (request.url ?? '/').replace(/\?.*/s, '');
    response.setHeader('X-Request-ID', requestId);
    for (const [name, value] of headers) {
      response.setHeader(name, value);
    }
    if (draining) {
      response.setHeader('Connection', 'close');
    }
    const route = handle(request, response, path);
    if (OBSERVABILITY_PATHS.has(path)) {
      return;
    }
    response.once('close', () => {
      const seconds = (performance.now() - started) / 1000;
      const status = response.writableFinished ? response.statusCode : CLIENT_CLOSED_REQUEST;
      metrics.observeRequest(method, route, status, seconds);
      log('INFO', 'request', {
        request_id: requestId,
        method,
        path,
        route,
        status,
        duration_ms: Math.round(seconds * 1e6) / 1000,
      });
    });
  });
  // A load balancer keeps its connections for 60 s as a rule. Closing one first would race with its next request.
  server.keepAliveTimeout = 75_000;
  const connections = trackConnections(server);

  function drain(timeoutMs: number): Promise<boolean> {
    draining = true;
    return new Promise((resolve) => {
      const deadline = setTimeout(() => {
        resolve(false);
        server.closeAllConnections();
      }, timeoutMs);
      server.close(() => {
        clearTimeout(deadline);
        resolve(true);
      });
      connections.closeIdle();
    });
  }

  return { server, drain };
}

/** The built files by path, with the configuration of this environment among them. */
async function loadApplication({ clientDirectory, apiUrl }: Config): Promise<Application> {
  const files = await loadAssets(clientDirectory);
  const shell = files.get('/index.html');
  if (shell === undefined) {
    throw new Error(`no index.html in ${clientDirectory}; "npm run build" creates it`);
  }
  const runtimeConfig = await createAsset('/config.json', Buffer.from(JSON.stringify({ apiUrl })));
  return { files: new Map([...files, ['/config.json', runtimeConfig]]), shell };
}

function sendPage(request: IncomingMessage, response: ServerResponse, path: string, application: Application): string {
  const file = application.files.get(path);
  if (file !== undefined) {
    sendAsset(request, response, 200, file);
    return path.startsWith('/assets/') ? '/assets/{file}' : path;
  }
  const { pattern } = matchRoute(path);
  // The front page is one for whoever asks: machines that look whether it is there ask for no HTML in particular.
  if (pattern === '/' || isNavigation(request)) {
    // Where there is no page, a person still gets the application's own "not found", and a crawler the honest status.
    sendAsset(request, response, pattern === null ? 404 : 200, application.shell);
    return pattern ?? UNKNOWN_ROUTE;
  }
  sendProblem(request, response, 404, 'There is nothing at this address');
  return UNKNOWN_ROUTE;
}

function securityHeaders(apiUrl: string): readonly (readonly [string, string])[] {
  const api = URL.canParse(apiUrl) ? ` ${new URL(apiUrl).origin}` : '';
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    `connect-src 'self'${api}`,
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ];
  return [
    ['Content-Security-Policy', policy.join('; ')],
    ['Cross-Origin-Opener-Policy', 'same-origin'],
    ['Cross-Origin-Resource-Policy', 'same-origin'],
    ['Permissions-Policy', 'camera=(), geolocation=(), microphone=()'],
    ['Referrer-Policy', 'strict-origin-when-cross-origin'],
    ['Strict-Transport-Security', 'max-age=31536000'],
    ['X-Content-Type-Options', 'nosniff'],
  ];
}

/** An id from a caller is kept when it is harmless in a log, so one request can be followed across services. */
function acceptRequestId(header: string | string[] | undefined): string {
  return typeof header === 'string' && /^[\w.-]{1,64}$/.test(header) ? header : randomUUID();
}

/** Browsers say what a request is for; where they do not, asking for HTML is the sign of a person. */
function isNavigation({ headers }: IncomingMessage): boolean {
  const mode = headers['sec-fetch-mode'];
  return (mode === undefined || mode === 'navigate') && (headers.accept ?? '').includes('text/html');
}

function sendAsset(request: IncomingMessage, response: ServerResponse, status: number, asset: Asset): void {
  const encoding = chooseEncoding(asset, request.headers['accept-encoding']?.toString());
  const body = asset.bodies[encoding] ?? asset.bodies.identity;
  // A strong tag names the bytes on the wire, so each encoding has its own.
  const etag = `"${asset.etag}-${encoding}"`;
  response.setHeader('Cache-Control', asset.cacheControl);
  response.setHeader('ETag', etag);
  response.setHeader('Vary', 'Accept-Encoding');
  if (status === 200 && hasMatchingTag(request.headers['if-none-match'], etag)) {
    response.writeHead(304).end();
    return;
  }
  if (encoding !== 'identity') {
    response.setHeader('Content-Encoding', encoding);
  }
  send(request, response, status, asset.contentType, body);
}

function hasMatchingTag(ifNoneMatch: string | undefined, etag: string): boolean {
  return (ifNoneMatch ?? '').split(',').some((tag) => {
    const wanted = tag.trim().replace(/^W\//, '');
    return wanted === '*' || wanted === etag;
  });
}

function sendJson(request: IncomingMessage, response: ServerResponse, status: number, value: unknown): void {
  response.setHeader('Cache-Control', 'no-store');
  send(request, response, status, 'application/json; charset=utf-8', JSON.stringify(value));
}

function sendProblem(request: IncomingMessage, response: ServerResponse, status: number, detail: string): void {
  const problem = { type: 'about:blank', title: STATUS_CODES[status], status, detail };
  response.setHeader('Cache-Control', 'no-store');
  send(request, response, status, 'application/problem+json', JSON.stringify(problem));
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  contentType: string,
  content: string | Buffer,
): void {
  const body = Buffer.isBuffer(content) ? content : Buffer.from(content);
  response.writeHead(status, { 'Content-Type': contentType, 'Content-Length': body.length });
  if (request.method === 'HEAD') {
    response.end();
  } else {
    // Node takes an ended response for a finished one, even while its bytes still wait to be sent, and closes such a
    // connection when the server stops. So the end comes after the last byte,
    // and never where the connection broke before.
    response.write(body, () => {
      if (!request.socket.destroyed) {
        response.end();
      }
    });
  }
}
