/** Running the built collector, for `make run` and the end-to-end tests. */

import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';

/** What `make collector` builds. */
export const COLLECTOR = fileURLToPath(new URL('../dist/flagsmith-otel-collector', import.meta.url));

/** Milliseconds within which a collector has to be healthy, and to end. */
const START_TIMEOUT = 30_000;
const STOP_TIMEOUT = 40_000;

/** How a collector is started. */
export interface CollectorOptions {
  /** Environment variables beside the ones of this process. */
  readonly env?: NodeJS.ProcessEnv;
  /** A collector other than the one that `make collector` builds. */
  readonly binary?: string;
  /** The folder that it runs in. Default: this process's. */
  readonly cwd?: string;
  /** Called with each line that the collector logs. */
  readonly onLogLine?: (line: string) => void;
}

/** A collector that is up. */
export interface Collector {
  readonly pid: number;
  /** What it has logged so far. */
  log(): string;
  /** Resolves when it has ended, for whatever reason, to its exit code. */
  readonly ended: Promise<number | null>;
  /** Has it shut down in order, and waits for that. */
  stop(): Promise<void>;
  /** Has it read its config again, and start all of it anew (SIGHUP). Resolves when it is ready. */
  reload(): Promise<void>;
  /** Ends it where it stands, as a crash would (SIGKILL), and waits for that. */
  kill(): Promise<void>;
}

/**
 * Starts the built collector with a config, and waits until it is healthy. The health_check extension is added here.
 * Rejects with what the collector logged if it ends instead.
 */
export async function startCollector(config: object, options: CollectorOptions = {}): Promise<Collector> {
  const { binary = COLLECTOR } = options;
  await access(binary).catch(() => {
    throw new Error(`${binary} is missing: run make collector`);
  });
  const healthPort = await freePort();
  const directory = await mkdtemp(join(tmpdir(), 'flagsmith-otel-collector-'));
  const path = join(directory, 'config.yaml');
  await writeFile(path, stringify(withHealthCheck(config, healthPort)));

  const child = spawn(binary, ['--config', path], {
    env: { ...process.env, ...options.env },
    cwd: options.cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on('line', (line) => {
      log += `${line}\n`;
      options.onLogLine?.(line);
    });
  }
  const ended = once(child, 'close').then(async ([code]) => {
    await rm(directory, { recursive: true, force: true });
    return code as number | null;
  });

  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };

  try {
    await untilHealthy(`http://127.0.0.1:${healthPort}/`, child);
  } catch (error) {
    await kill();
    throw new Error(`${error instanceof Error ? error.message : error}\n${log}`);
  }
  return {
    // Without one it would not have been healthy.
    pid: child.pid as number,
    log: () => log,
    ended,
    stop: async () => {
      child.kill('SIGTERM');
      const timeout = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT);
      await ended;
      clearTimeout(timeout);
    },
    reload: async () => {
      const before = timesReady(log);
      child.kill('SIGHUP');
      const deadline = Date.now() + STOP_TIMEOUT + START_TIMEOUT;
      while (timesReady(log) === before) {
        if (child.exitCode !== null || Date.now() > deadline) throw new Error(`the collector did not reload\n${log}`);
        await sleep(20);
      }
    },
    kill,
  };
}

/** How often a collector has said that it is ready. */
function timesReady(log: string): number {
  return log.split('Everything is ready').length;
}

function withHealthCheck(config: object, port: number): object {
  const { service = {}, extensions = {} } = config as { service?: { extensions?: string[] }; extensions?: object };
  return {
    ...config,
    extensions: { ...extensions, health_check: { endpoint: `127.0.0.1:${port}` } },
    service: { ...service, extensions: [...(service.extensions ?? []), 'health_check'] },
  };
}

async function untilHealthy(url: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`the collector ended with exit code ${child.exitCode}`);
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok) return;
    await sleep(50);
  }
  throw new Error(`the collector was not healthy within ${START_TIMEOUT / 1_000} s`);
}

// Below the ports that systems give to clients: one of those can be taken between the asking and the use.
const FIRST_PORT = 10_000;
const LAST_PORT = 30_000;

const given = new Set<number>();

/** A port of 127.0.0.1 on which nothing listens, and which was not given before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    if (given.has(port) || !(await canListen(port))) continue;
    given.add(port);
    return port;
  }
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
