import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from './config.ts';

function problems(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) {
      return error.problems;
    }
    throw error;
  }
  return [];
}

describe('readConfig', () => {
  it('works without any setting on the machine of a developer', () => {
    expect(readConfig({})).toMatchObject({ port: 3000, apiUrl: 'http://localhost:8000', shutdownTimeoutMs: 10_000 });
    expect(readConfig({}).logLevel).toBe('INFO');
  });

  it('reads every setting', () => {
    const env = {
      PORT: '0',
      API_URL: 'https://api.example.org/graph/',
      CLIENT_DIRECTORY: '/client',
      SHUTDOWN_TIMEOUT_SECONDS: '3',
      LOG_LEVEL: 'ERROR',
    };
    expect(readConfig(env)).toEqual({
      port: 0,
      apiUrl: 'https://api.example.org/graph',
      clientDirectory: '/client',
      shutdownTimeoutMs: 3000,
      logLevel: 'ERROR',
    });
  });

  it('names the levels that there are', () => {
    expect(problems({ LOG_LEVEL: 'warn' })).toEqual(['LOG_LEVEL must be one of INFO, ERROR, not "warn"']);
  });

  it('takes a path for a backend behind the same origin, down to the root itself', () => {
    expect(readConfig({ API_URL: '/backend/' }).apiUrl).toBe('/backend');
    expect(readConfig({ API_URL: '/' }).apiUrl).toBe('');
  });

  it('wants to be told the backend in production', () => {
    expect(problems({ NODE_ENV: 'production' })).toEqual([expect.stringContaining('API_URL is not set')]);
    expect(problems({ NODE_ENV: 'production', API_URL: '' })).toHaveLength(1);
    expect(problems({ NODE_ENV: 'production', API_URL: '/' })).toEqual([]);
  });

  it.each([
    ['api.example.org', 'absolute http(s) URL'],
    ['//api.example.org', 'absolute http(s) URL'],
    ['javascript:alert(1)', 'http or https'],
    ['https://user:secret@api.example.org', 'credentials'],
    ['https://api.example.org/?a=1', 'no query'],
    ['https://api.example.org/#a', 'no fragment'],
    ['/a b', 'plain path'],
    ['/a?b', 'plain path'],
  ])('refuses the backend "%s"', (url, reason) => {
    expect(problems({ API_URL: url })).toEqual([expect.stringContaining(reason)]);
  });

  it('never repeats a password', () => {
    expect(problems({ API_URL: 'https://user:secret@api.example.org' }).join()).not.toContain('secret');
  });

  it.each(['-1', '65536', '3000.5', 'http', ' 80'])('refuses the port "%s"', (port) => {
    expect(problems({ PORT: port })).toEqual([expect.stringContaining('PORT must be a whole number')]);
  });

  it('names all problems at once', () => {
    expect(problems({ PORT: 'x', API_URL: 'x', SHUTDOWN_TIMEOUT_SECONDS: 'x' })).toHaveLength(3);
  });
});
