import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCore, startHost } from '../../testing/index.ts';
import { Faults } from '../faults.ts';
import { PACKAGE_VERSION } from '../package-files.ts';
import { buildCore, bundledCore } from './build-core.ts';
import { projectIn } from './project.ts';
import { mapped } from './source-map.ts';

const NODE_MODULES = fileURLToPath(new URL('../../../../node_modules', import.meta.url));

const TSCONFIG = {
  compilerOptions: {
    target: 'ES2023',
    lib: ['ES2023'],
    module: 'nodenext',
    types: ['node'],
    strict: true,
    noEmit: true,
  },
};

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'build-core-'));
  // Packages below it are found as in any project.
  await symlink(NODE_MODULES, join(directory, 'node_modules'));
});

afterAll(() => rm(directory, { recursive: true }));

/** The folder of a project with these files. */
async function project(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(directory, 'project-'));
  const all = { 'package.json': '{"type": "module"}', 'tsconfig.json': JSON.stringify(TSCONFIG), ...files };
  for (const [path, content] of Object.entries(all)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return folder;
}

async function faultsOf(work: Promise<unknown>): Promise<readonly string[]> {
  const error = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(error instanceof Faults)) throw error ?? new Error('nothing was refused');
  return error.faults;
}

describe('a core that is built', () => {
  const SOURCE = `import { decision, defineCore, keep, record } from '@flagsmith/amplitude-core';

const names = new Map([['user.login', 'User Logged In']]);

function tierOf(plan: unknown): string {
  if (plan === 'broken') {
    throw new RangeError('no such plan');
  }
  return String(plan);
}

export default defineCore({
  name: 'acme',
  version: '1.4.0',
  options: { tenant: 'string' },
  mapping: ({ standard, options }) => ({
    ...standard,
    eventType: { ...standard.eventType, rename: (name) => names.get(name) ?? name },
    decisions: [
      ...standard.decisions,
      decision([record('plan')], ([plan]) => keep({ properties: { tier: tierOf(plan), tenant: options.tenant } })),
    ],
  }),
});
`;

  test('has the engine of the default core, says what it is, and names the lines of its author', async () => {
    const folder = await project({ 'src/core.ts': SOURCE });
    const { definition, module, sourceMap } = await buildCore(await projectIn(folder, 'src/core.ts'));
    expect(definition.name).toBe('acme');
    const core = readCore(module);
    expect(core.manifest).toMatchObject({
      name: 'acme',
      version: '1.4.0',
      contract: '0.2.0',
      package: PACKAGE_VERSION,
      options: { tenant: 'string' },
    });
    expect(sourceMap.sources).toContain('src/core.ts');
    expect(sourceMap.sources.every((source) => !source.startsWith('/') && !source.includes('..'))).toBe(true);
    expect(JSON.stringify(sourceMap)).not.toContain('sourcesContent');

    const host = startHost({ core, config: { core: { options: { tenant: 'a' } } } });
    const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } });
    const [event, failed] = host.push({
      resourceLogs: [
        {
          scopeLogs: [
            {
              logRecords: ['pro', 'broken'].map((plan) => ({
                eventName: 'user.login',
                attributes: [attribute('amplitude.user_id', 'someone'), attribute('plan', plan)],
              })),
            },
          ],
        },
      ],
    });
    expect(JSON.parse((event as { event: string }).event)).toMatchObject({
      event_type: 'User Logged In',
      event_properties: { plan: 'pro', tier: 'pro', tenant: 'a' },
    });
    expect(failed).toMatchObject({ outcome: 'dropped', reason: 'guest_fault' });
    const error = mapped((failed as { error: string }).error, sourceMap);
    expect(error).toContain('RangeError: no such plan');
    expect(error).toMatch(/tierOf \(src\/core\.ts:7:\d+\)/);
  }, 240_000);
});

test('all that is wrong is said at once, with file, line and column', async () => {
  const folder = await project({
    'src/core.ts': `import { defineCore } from '@flagsmith/amplitude-core';
import { now } from './time.ts';
import { readFileSync } from 'node:fs';
const count: number = 'one';
export default defineCore({ name: 'acme', version: '1.0.0', mapping: ({ standard }) => standard });
export const all = [now, readFileSync, count];
`,
    'src/time.ts': `export const now = () => Date.now();
export const later = () => setTimeout(now, Math.random());
export const get = () => fetch('https://example.com');
`,
    'tsconfig.json': JSON.stringify({
      compilerOptions: { ...TSCONFIG.compilerOptions, allowImportingTsExtensions: true },
    }),
  });
  const faults = await faultsOf(buildCore({ directory: folder, source: 'src/core.ts' }));
  expect(faults.map((fault) => fault.replace(/^(\S+: \S+).*/s, '$1'))).toEqual([
    'src/core.ts:4:7: Type',
    'src/core.ts:3:30: node:fs:',
    'src/time.ts:1:26: Date.now:',
    'src/time.ts:2:28: setTimeout:',
    'src/time.ts:2:44: Math.random:',
    'src/time.ts:3:26: fetch:',
  ]);
}, 60_000);

const DEFINE = `import { defineCore } from '@flagsmith/amplitude-core';\n`;
const MAPPING = 'mapping: ({ standard }) => standard';

test.each([
  ['no default export', `${DEFINE}export const core = 1;`, ['src/core.ts: has no default export: write']],
  [
    'one that defineCore did not make',
    'export default { name: "acme", version: "1.0.0" };',
    ['src/core.ts: the default export was not made by defineCore: write'],
  ],
  [
    'neither name nor version',
    `${DEFINE}export default defineCore({ ${MAPPING} });`,
    ['src/core.ts:2:16: name: write lower case', 'src/core.ts:2:16: version: write a semantic version'],
  ],
  [
    'an error when it is loaded',
    `${DEFINE}const plans: string[] = JSON.parse('[');\nexport default defineCore({ name: 'acme', version: plans[0], ${MAPPING} });`,
    [/^src\/core\.ts:2:\d+: .*JSON/],
  ],
  ['a file that is not there', `import './no.ts';`, ["src/core.ts:1:8: Could not resolve './no.ts'"]],
  [
    'a package that is not there',
    `import { a } from 'no-such-package';\nexport default a;`,
    ["src/core.ts:1:19: Could not resolve 'no-such-package'"],
  ],
  ['a line that is no TypeScript', 'export default {\n  a: 1 +,\n};', ['src/core.ts:2:9: ']],
])('%s is refused', async (_, source, expected) => {
  const faults = await faultsOf(
    bundledCore({ directory: await project({ 'src/core.ts': source }), source: 'src/core.ts' }),
  );
  expect(faults).toEqual(
    expected.map((each) => (typeof each === 'string' ? expect.stringContaining(each) : expect.stringMatching(each))),
  );
});

test('a folder that is no project is refused', async () => {
  const folder = await mkdtemp(join(directory, 'empty-'));
  expect(await faultsOf(projectIn(folder, 'src/core.ts'))).toEqual([
    expect.stringMatching(/^package\.json: is not there: /),
    expect.stringMatching(/^tsconfig\.json: is not there: /),
    expect.stringMatching(/^src\/core\.ts: is not there: /),
  ]);
  expect(await faultsOf(projectIn(await project({}), '../core.ts'))).toEqual([
    expect.stringContaining('is not there'),
    expect.stringContaining('is outside of the project'),
  ]);
});
