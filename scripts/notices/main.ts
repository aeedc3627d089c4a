/**
 * Writes THIRD_PARTY_NOTICES.md, here and in the Go module and the npm package, whose users get no other folder, and the
 * LICENSE of each.
 *
 * --check           only says whether they are what they should be
 * --collector DIR   the notices of one collector: of the sources that OCB generated in DIR
 * --output FILE     where those go
 */

import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { parse, stringify } from 'yaml';
import { partsOfCore } from './core-wasm.ts';
import { type Part, render, type Section } from './document.ts';
import { partsOfGoPrograms } from './go-program.ts';
import { APACHE_TEXT, licenceText } from './licences.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MODULE = 'exporter/amplitudeexporter';
const PACKAGE = 'exporter/core';
const NOTICES = 'THIRD_PARTY_NOTICES.md';
const LICENSE = 'LICENSE';

const BUILDER = join(ROOT, 'build/tools/builder');
const SMALL = 'builder-config.small.yaml';
const DISTRIBUTION = 'builder-config.yaml';
/** Components of the distribution that are not everywhere to be had, so that what they link cannot be told. */
const UNRESOLVED = 'builder-config.unresolved.txt';

/** Where those come from. The repository has one licence, in its LICENSE. */
const CONTRIB = 'github.com/open-telemetry/opentelemetry-collector-contrib/';

interface Manifest {
  readonly dist: object;
  readonly [section: string]: unknown;
}

interface Component {
  readonly gomod: string;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { check: { type: 'boolean' }, collector: { type: 'string' }, output: { type: 'string' } },
  });
  if (values.collector !== undefined) {
    if (values.output === undefined) throw new Error('--collector needs an --output');
    const [parts = []] = await partsOfGoPrograms([resolve(values.collector)]);
    const sections = [await coreSection(), goSection('The collector', parts)];
    await writeFile(values.output, render('The work of others in this collector, and its licences.', sections));
    return;
  }

  const files = await committedFiles();
  if (!values.check) {
    await Promise.all([...files].map(([path, content]) => writeFile(join(ROOT, path), content)));
    return;
  }
  const stale: string[] = [];
  for (const [path, content] of files) {
    const committed = await readFile(join(ROOT, path), 'utf8').catch(() => undefined);
    if (committed !== content) stale.push(path);
  }
  if (stale.length > 0) throw new Error(`${stale.join(', ')}: stale, run make generate`);
  console.log('The notices are fresh.');
}

async function committedFiles(): Promise<Map<string, string>> {
  const own = `The rest is under [${LICENSE}](${LICENSE}).`;
  const core = await coreSection();
  const collectors = await collectorSections();
  const licence = await readFile(join(ROOT, LICENSE), 'utf8');
  return new Map([
    ...[MODULE, PACKAGE, `${PACKAGE}/create`].map((folder): [string, string] => [`${folder}/${LICENSE}`, licence]),
    [`${PACKAGE}/${NOTICES}`, render(`The work of others in this package, and its licences. ${own}`, [core])],
    [`${MODULE}/${NOTICES}`, render(`The work of others in this Go module, and its licences. ${own}`, [core])],
    [NOTICES, render(`The work of others in what is built here, and its licences. ${own}`, [core, ...collectors])],
  ]);
}

async function coreSection(): Promise<Section> {
  return {
    title: 'core.wasm',
    introduction:
      'What the core is bundled with, and the engine that runs it. It is `internal/guest/core.wasm` of the Go module.',
    parts: await partsOfCore(ROOT),
  };
}

async function collectorSections(): Promise<Section[]> {
  const small = await readManifest(SMALL);
  const distribution = await readManifest(DISTRIBUTION);
  const lines = (await readFile(join(ROOT, UNRESOLVED), 'utf8')).split('\n');
  const unresolved = new Set(lines.filter((line) => line !== '' && !line.startsWith('#')));

  const folders = [
    await generate('small', small),
    await generate(
      'distribution',
      only(distribution, ({ gomod }) => !unresolved.has(pathOf(gomod))),
    ),
  ];
  const [inSmall = [], inDistribution = []] = await partsOfGoPrograms(folders);
  const left = Object.values(only(distribution, ({ gomod }) => unresolved.has(pathOf(gomod)))).filter(Array.isArray);
  return [
    goSection(`The collector of ${SMALL}`, inSmall),
    goSection(`The collector of ${DISTRIBUTION}`, inDistribution),
    {
      title: 'Components that are not everywhere to be had',
      introduction: `They are part of ${DISTRIBUTION} too. What they bring along is listed only where they can be had: \`scripts/notices/main.ts --collector\` lists all that a collector holds.`,
      parts: await Promise.all((left.flat() as Component[]).map(unresolvedPart)),
    },
  ];
}

function goSection(title: string, parts: readonly Part[]): Section {
  const introduction =
    'Go modules that are linked into it, on whatever platform. `go mod download MODULE@VERSION` gets the source of each.';
  return { title, introduction, parts };
}

async function unresolvedPart({ gomod }: Component): Promise<Part> {
  const [name = '', version = ''] = gomod.split(' ');
  if (!name.startsWith(CONTRIB)) throw new Error(`the licence of ${name} cannot be told`);
  return { name, version, licence: 'Apache-2.0', text: await licenceText(APACHE_TEXT) };
}

async function readManifest(path: string): Promise<Manifest> {
  return parse(await readFile(join(ROOT, path), 'utf8')) as Manifest;
}

function only(manifest: Manifest, wanted: (component: Component) => boolean): Manifest {
  const sections = Object.entries(manifest).map(([name, section]) => [
    name,
    Array.isArray(section) ? section.filter(wanted) : section,
  ]);
  return Object.fromEntries(sections) as Manifest;
}

function pathOf(gomod: string): string {
  return gomod.replace(/ .*/, '');
}

/** Has OCB generate a collector's sources, whose go.mod says what is linked. Gives the folder. */
async function generate(name: string, manifest: Manifest): Promise<string> {
  const folder = join(ROOT, 'build/notices', name);
  const path = `${folder}.yaml`;
  await mkdir(folder, { recursive: true });
  await writeFile(path, stringify({ ...manifest, dist: { ...manifest.dist, output_path: folder } }));
  // What is in a manifest is relative to where OCB runs.
  await promisify(execFile)(BUILDER, ['--config', path, '--skip-compilation'], { cwd: ROOT }).catch((error) => {
    throw new Error(`OCB failed, or is missing (make collector builds it): ${error.stderr || error.message}`);
  });
  return folder;
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
