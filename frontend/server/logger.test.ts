import { describe, expect, it } from 'vitest';
import { createLogger } from './logger.ts';

describe('createLogger', () => {
  it('leaves out what matters less than it is asked for', () => {
    const lines: string[] = [];
    const log = createLogger(
      (line) => lines.push(line),
      'ERROR',
      () => new Date(0),
    );
    log('INFO', 'listening', { port: 3000 });
    log('ERROR', 'stopped', { timeout_ms: 5 });
    expect(lines).toEqual(['{"time":"1970-01-01T00:00:00.000Z","level":"ERROR","message":"stopped","timeout_ms":5}\n']);
  });
});
