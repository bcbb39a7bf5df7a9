import { fileURLToPath } from 'node:url';
import { LEVELS, type Level } from './logger.ts';

/** What the environment says about this server. */
export interface Config {
  readonly port: number;
  /** What the browser prepends to `/v1/…`; never ends in a slash, empty for the origin the pages come from. */
  readonly apiUrl: string;
  readonly clientDirectory: string;
  readonly shutdownTimeoutMs: number;
  /** What matters less is not logged. */
  readonly logLevel: Level;
}

/** Names every problem at once, so that a deployment is corrected in one round. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`invalid configuration: ${problems.join('; ')}`);
    this.problems = problems;
  }
}

const DEVELOPMENT_API_URL = 'http://localhost:8000';

/** Reads the environment once, at start: one image serves every environment. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];

  function integer(name: string, fallback: number, maximum: number): number {
    const text = env[name];
    if (text === undefined || text === '') {
      return fallback;
    }
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value <= maximum)) {
      problems.push(`${name} must be a whole number from 0 to ${maximum}, not "${text}"`);
      return fallback;
    }
    return value;
  }

  function logLevel(): Level {
    const text = env['LOG_LEVEL'] ?? '';
    const level = text === '' ? 'INFO' : LEVELS.find((name) => name === text);
    if (level === undefined) {
      problems.push(`LOG_LEVEL must be one of ${LEVELS.join(', ')}, not "${text}"`);
    }
    return level ?? 'INFO';
  }

  function apiUrl(): string {
    const text = env['API_URL'];
    if (text === undefined || text === '') {
      if (env['NODE_ENV'] === 'production') {
        problems.push(
          'API_URL is not set; it names the backend as the browser reaches it, e.g. https://api.example.org',
        );
      }
      return DEVELOPMENT_API_URL;
    }
    const problem = apiUrlProblem(text);
    if (problem !== null) {
      problems.push(`API_URL ${problem}`); // Its value is not repeated: it might hold a password.
    }
    return text.replace(/\/+$/, '');
  }

  const config: Config = {
    port: integer('PORT', 3000, 65_535),
    apiUrl: apiUrl(),
    clientDirectory: env['CLIENT_DIRECTORY'] ?? fileURLToPath(new URL('../client', import.meta.url)),
    shutdownTimeoutMs: integer('SHUTDOWN_TIMEOUT_SECONDS', 10, 3600) * 1000,
    logLevel: logLevel(),
  };
  if (problems.length > 0) {
    throw new ConfigError(problems);
  }
  return config;
}

function apiUrlProblem(text: string): string | null {
  if (/^\/(?!\/)/.test(text)) {
    return /[\s?#]/.test(text) ? 'must be a plain path when it starts with "/"' : null;
  }
  if (!URL.canParse(text)) {
    return 'must be an absolute http(s) URL or a path starting with "/"';
  }
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return 'must use http or https';
  }
  if (url.username !== '' || url.password !== '') {
    return 'must not carry credentials, every visitor can read it';
  }
  return url.search === '' && url.hash === '' ? null : 'must have no query and no fragment';
}
