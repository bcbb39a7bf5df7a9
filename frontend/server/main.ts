import type { AddressInfo } from 'node:net';
import { createApp } from './app.ts';
import { ConfigError, readConfig } from './config.ts';
import { createLogger } from './logger.ts';

const write = (line: string): boolean => process.stdout.write(line);

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLogger(write, config.logLevel);
  const { server, drain } = await createApp(config, log);

  let stopping = false;
  async function stop(signal: NodeJS.Signals): Promise<void> {
    if (stopping) {
      return;
    }
    stopping = true;
    log('INFO', 'stopping', { signal });
    const complete = await drain(config.shutdownTimeoutMs);
    if (!complete) {
      log('ERROR', 'stopped with requests unfinished', { timeout_ms: config.shutdownTimeoutMs });
      process.exitCode = 1;
    }
  }
  process.on('SIGTERM', (signal) => void stop(signal));
  process.on('SIGINT', (signal) => void stop(signal));

  server.on('error', fail);
  server.listen(config.port, () => {
    log('INFO', 'listening', { port: (server.address() as AddressInfo).port, api_url: config.apiUrl });
  });
}

function fail(error: unknown): void {
  const log = createLogger(write);
  if (error instanceof ConfigError) {
    log('ERROR', 'invalid configuration', { problems: error.problems });
    process.exitCode = 2;
  } else {
    log('ERROR', error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}

main().catch(fail);
