/**
 * A stranger's collector: one line of a manifest of their own gets the exporter, by its version, from a module proxy.
 * Nothing of this repository is there for them but what is tracked in the Go module's folder. Their Collector may be the
 * one that the exporter is developed with, the oldest that its go.mod takes, or the newest that there is.
 */
import { execFile, execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { getPriority, setPriority, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { startLocalAmplitude } from '../local-amplitude/server.ts';
import { freePort, startCollector } from '../scripts/collector.ts';
import { otlpToAmplitude, postLogs } from './otlp.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDER = 'exporter/amplitudeexporter';
const CASE = new URL('../exporter/testdata/flagsmith-backend/', import.meta.url);

const REPOSITORY = 'https://github.com/Flagsmith/flagsmith-otel-collector';
const MODULE = `github.com/Flagsmith/flagsmith-otel-collector/${FOLDER}`;
/** As file systems that know no capital letters have it. */
const ESCAPED = MODULE.replace('F', '!f');
/** A version that the module cache does not know yet. */
const VERSION = `v0.1.0-test.${Date.now()}`;

/** Takes minutes if no part of the collector was compiled before. */
const BUILD_TIMEOUT = 15 * 60_000;

interface GoMod {
  readonly Module: { readonly Path: string };
  readonly Replace: unknown;
}

interface Component {
  readonly gomod: string;
}

/** Components of one version. */
interface Components {
  readonly receivers: readonly Component[];
  readonly extensions: readonly Component[];
  readonly providers: readonly Component[];
}

interface Collector {
  readonly components: Components;
  /** OCB, which sets the version of modules that no manifest names. */
  readonly builder: readonly [command: string, ...args: string[]];
  readonly env: NodeJS.ProcessEnv;
}

const small = parse(readFileSync(join(ROOT, 'builder-config.small.yaml'), 'utf8'));
const newest = parse(readFileSync(join(ROOT, 'e2e/builder-config.newest.yaml'), 'utf8'));

const collectors: Readonly<Record<'oldest' | 'newest', Collector>> = {
  oldest: {
    components: small,
    builder: [join(ROOT, 'build/tools/builder')],
    env: {},
  },
  newest: {
    components: newest,
    builder: ['go', 'run', newest.builder[0].gomod.replace(' ', '@')],
    // It may take a newer Go than this repository does, and Go knows where to get that.
    env: { GOTOOLCHAIN: 'auto' },
  },
};

const directory = mkdtempSync(join(tmpdir(), 'consumer-'));
/** A module cache of its own, which is a module proxy of files too. */
const cache = join(directory, 'cache');
const proxy = join(cache, 'cache/download');
const go = JSON.parse(execFileSync('go', ['env', '-json', 'GOMODCACHE', 'GOPROXY', 'GONOSUMDB'], { encoding: 'utf8' }));

/** What they get. */
const unpacked = join(cache, `${ESCAPED}@${VERSION}`);
/** Where Go unpacks it once more, to build with it. */
const unpackedToBuild = join(go.GOMODCACHE, `${ESCAPED}@${VERSION}`);

/** Asked at its origin, a module that is not there takes minutes to be missed. */
const proxies = [pathToFileURL(proxy).href, go.GOPROXY.replace(/[,|]direct\b.*$/, '')];
const toBuild = {
  CGO_ENABLED: '0',
  GOPROXY: proxies.join(','),
  // GOPRIVATE, where it is set, would go past the proxy.
  GONOPROXY: 'none',
  // No checksum database has a version that is not published.
  GONOSUMDB: [go.GONOSUMDB, 'github.com/Flagsmith/*'].filter(Boolean).join(','),
  GOWORK: 'off',
};

/** What is tracked, as it is in the work tree, as a commit; in a clean one, the last. */
function revision(): string {
  // A copy, since git refreshes the index, and others may be at it.
  const index = join(directory, 'index');
  copyFileSync(resolve(ROOT, git(['rev-parse', '--git-path', 'index'])), index);
  // git takes a file that was only touched, such as by npm, for a changed one, and fails when it finds nothing to stash.
  git(['status', '--porcelain'], { GIT_INDEX_FILE: index });
  const identity = ['-c', 'user.name=test', '-c', 'user.email=test@localhost'];
  return git([...identity, 'stash', 'create'], { GIT_INDEX_FILE: index }) || git(['rev-parse', 'HEAD']);
}

function git(args: string[], env: NodeJS.ProcessEnv = {}): string {
  return execFileSync('git', args, { cwd: ROOT, env: { ...process.env, ...env }, encoding: 'utf8' }).trim();
}

/** Behind the tests that run beside it. Rejects with what it said. */
async function runNicely(command: string, args: string[], env: NodeJS.ProcessEnv): Promise<void> {
  const running = promisify(execFile)(command, args, { cwd: directory, env: { ...process.env, ...env } });
  if (running.child.pid !== undefined) setPriority(running.child.pid, Math.max(10, getPriority()));
  await running.catch((error) => {
    throw new Error(`${error.message}\n${error.stdout}`);
  });
}

/** Builds it with the exporter, and returns the path of its binary. */
async function build(name: string, { components, builder, env }: Collector): Promise<string> {
  const { receivers, extensions, providers } = components;
  const output_path = join(directory, name);
  const manifest = {
    dist: { name: 'otelcol', output_path },
    receivers,
    exporters: [{ gomod: `${MODULE} ${VERSION}` }],
    extensions,
    providers,
  };
  const path = join(directory, `${name}.yaml`);
  writeFileSync(path, stringify(manifest));
  const [command, ...args] = builder;
  await runNicely(command, [...args, '--config', path], { ...toBuild, ...env });
  return join(output_path, 'otelcol');
}

/** Has Go get the module from a copy of the repository, by the tag of its version, as the module proxy does. */
function fillProxy(): void {
  const repository = join(directory, 'repository.git');
  git(['init', '--quiet', '--bare', repository]);
  const objects = resolve(ROOT, git(['rev-parse', '--git-path', 'objects']));
  writeFileSync(join(repository, 'objects/info/alternates'), `${objects}\n`);
  git(['--git-dir', repository, 'tag', `${FOLDER}/${VERSION}`, revision()]);
  execFileSync('go', ['mod', 'download', `${MODULE}@${VERSION}`], {
    cwd: directory,
    env: {
      ...process.env,
      GOMODCACHE: cache,
      GOPROXY: 'direct',
      GONOSUMDB: toBuild.GONOSUMDB,
      // Go's own files cannot be deleted without.
      GOFLAGS: '-modcacherw',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: `url.${pathToFileURL(repository).href}.insteadOf`,
      GIT_CONFIG_VALUE_0: REPOSITORY,
    },
  });
}

beforeAll(fillProxy);

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
  // Go makes these files read-only.
  if (existsSync(unpackedToBuild)) execFileSync('chmod', ['-R', 'u+w', unpackedToBuild]);
  rmSync(unpackedToBuild, { recursive: true, force: true });
  const downloads = join(go.GOMODCACHE, 'cache/download', ESCAPED, '@v');
  const files = existsSync(downloads) ? readdirSync(downloads) : [];
  // Go writes the list anew from what is there.
  for (const file of files.filter((name) => name.startsWith(`${VERSION}.`) || name === 'list')) {
    rmSync(join(downloads, file));
  }
});

describe.each(Object.entries(collectors))('the %s Collector', (name, source) => {
  const [config, logs, golden] = ['config.yaml', 'logs.json', 'events.json'].map((file) =>
    readFileSync(new URL(file, CASE), 'utf8'),
  ) as [string, string, string];
  let binary = '';

  beforeAll(async () => {
    binary = await build(name, source);
  }, BUILD_TIMEOUT);

  test('is of the version that is written', () => {
    const modules = execFileSync('go', ['version', '-m', binary], { encoding: 'utf8' });
    const { receivers, extensions, providers } = source.components;
    for (const { gomod } of [...receivers, ...extensions, ...providers]) {
      expect(modules).toContain(`\tdep\t${gomod.replace(' ', '\t')}\t`);
    }
  });

  test('delivers', async () => {
    const amplitude = await startLocalAmplitude();
    const port = await freePort();
    const collector = await startCollector(
      otlpToAmplitude(
        port,
        { ...parse(config), endpoint: `${amplitude.url}/2/httpapi` },
        { metrics: { level: 'none' } },
      ),
      { binary },
    );
    try {
      await postLogs(port, logs);
      const events: object[] = JSON.parse(golden).batches.flat();
      // Of a release the events say so.
      const library = `flagsmith-otel-collector/${VERSION.slice(1)}`;
      await expect.poll(() => amplitude.events()).toEqual(events.map((event) => ({ ...event, library })));
    } finally {
      await collector.stop();
      await amplitude.close();
    }
  });

  test('has the defaults of the HTTP client, wherever it keeps them', () => {
    const path = join(directory, `${name}-config.yaml`);
    writeFileSync(path, stringify(otlpToAmplitude(4318, parse(config))));
    const printed = execFileSync(binary, ['print-config', '--config', path], {
      encoding: 'utf8',
    });
    const { amplitude } = parse(printed).exporters;
    expect({ ...amplitude, ...amplitude.keepalive }).toMatchObject({
      timeout: '30s',
      compression: 'gzip',
      compression_params: { level: 1 },
      max_idle_conns_per_host: 10,
      http2_read_idle_timeout: '10s',
      http2_ping_timeout: '5s',
    });
  });
});

test('the module that they get has its licence and its notices', () => {
  expect(readFileSync(join(unpacked, 'LICENSE'), 'utf8')).toBe(readFileSync(join(ROOT, 'LICENSE'), 'utf8'));
  expect(readdirSync(unpacked)).toContain('THIRD_PARTY_NOTICES.md');
});

test('the benchmark, with a native mapper of the same rules, is a module that they do not get', () => {
  expect(existsSync(join(ROOT, FOLDER, 'internal/bench/native.go'))).toBe(true);
  expect(readdirSync(join(unpacked, 'internal'))).not.toContain('bench');
});

test('go.mod replaces nothing: for others it would not', () => {
  const json = execFileSync('go', ['mod', 'edit', '-json'], { cwd: join(ROOT, FOLDER), encoding: 'utf8' });
  const { Module, Replace } = JSON.parse(json) as GoMod;
  expect(Module.Path).toBe(MODULE);
  expect(Replace).toBeNull();
});
