/**
 * What release-please makes of release-please-config.json, on a copy of the repository and with a stand-in for the
 * forge: a release after each of a few commits, with its tags, its changelogs and its version in every file.
 *
 * The collector's component is named "v", behind which its version comes with nothing between: the tag is v0.1.0. With
 * include-component-in-tag off, which gives the same tag, linked-versions does not link it to the Go module
 * (https://github.com/googleapis/release-please/issues/1750).
 *
 *   node --import tsx scripts/release/check-release-please.ts DIRECTORY    where release-please and ajv are in node_modules
 */

import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CONFIG = 'release-please-config.json';
const MANIFEST = '.release-please-manifest.json';
const GO_MODULE = 'exporter/amplitudeexporter';
const BRANCH = 'main';

/** Each is merged and released; what it changes, and the version that comes of it. */
const RELEASES = [
  { message: 'feat: everything', path: `${GO_MODULE}/factory.go`, version: '0.1.0' },
  { message: 'fix: outside of the Go module', path: 'default-config.yaml', version: '0.1.1' },
  { message: 'feat: within the Go module', path: `${GO_MODULE}/factory.go`, version: '0.2.0' },
  { message: 'feat!: not as before', path: 'README.md', version: '0.3.0' },
] as const;

/** Files that have the version, as a pattern for the one line of it. */
const PLACES: [path: string, line: (version: string) => RegExp][] = [
  ['package.json', (version) => new RegExp(`^ {2}"version": "${version}",$`)],
  ['package-lock.json', (version) => new RegExp(`^ {2}"version": "${version}",$`)],
  ['exporter/core/package.json', (version) => new RegExp(`^ {2}"version": "${version}",$`)],
  ['exporter/core/create/package.json', (version) => new RegExp(`^ {2}"version": "${version}",$`)],
  ['exporter/core/create/package.json', (version) => new RegExp(`^ {4}"@flagsmith/amplitude-core": "${version}"$`)],
  ['package-lock.json', (version) => new RegExp(`^ {8}"@flagsmith/amplitude-core": "${version}"$`)],
  ['builder-config.yaml', (version) => new RegExp(`^ {2}version: ${version} `)],
  ['builder-config.small.yaml', (version) => new RegExp(`^ {2}version: ${version} `)],
  ['CHANGELOG.md', (version) => new RegExp(`^##+ \\[?${version}[\\] ]`)],
  [`${GO_MODULE}/CHANGELOG.md`, (version) => new RegExp(`^##+ \\[?${version}[\\] ]`)],
];

/** In these files each version of the Go module and of the image has to be the one that is released. */
const DOCUMENTS = ['*.md', '*.yaml', '*.yml', '*.json'];
const MENTION = /amplitudeexporter v\d+\.\d+\.\d+|flagsmith-otel-collector:\d+\.\d+\.\d+|x-release-please-version/;

/** Its message is for whoever runs this. */
class CheckError extends Error {}

// As much of release-please as is used here. It is not among this project's packages, as it would bring 150 of them.
interface PullRequest {
  readonly number: number;
  readonly title: string;
  readonly body: string;
  readonly headBranchName: string;
  readonly baseBranchName: string;
  labels: string[];
  sha?: string;
}
interface Release {
  readonly tag: { toString(): string };
  readonly name: string;
  readonly notes: string;
  readonly sha: string;
}
type Changes = Map<string, { content: string | null }>;
interface Forge {
  createPullRequest(
    pullRequest: PullRequest,
    branch: string,
    message: string,
    updates: unknown[],
  ): Promise<PullRequest>;
  buildChangeSet(updates: unknown[], branch: string): Promise<Changes>;
}
interface Manifest {
  createPullRequests(): Promise<PullRequest[]>;
  createReleases(): Promise<unknown[]>;
}
interface ReleasePlease {
  readonly Manifest: {
    fromManifest(forge: Forge, branch: string, config: string, manifest: string): Promise<Manifest>;
  };
  setLogger(logger: object): void;
  readonly configSchema: object;
  readonly manifestSchema: object;
}
type LocalForge = new (repository: object, api: object, directory: string, options: object) => Forge;
interface Ajv {
  compile(schema: object): ((data: unknown) => boolean) & { readonly errors?: unknown };
}

async function main(): Promise<void> {
  const directory = process.argv[2];
  if (directory === undefined) throw new CheckError('write where release-please is installed');
  const require = createRequire(join(resolve(directory), 'package.json'));
  const { LocalGitHub } = require('release-please/build/src/local-github') as { LocalGitHub: LocalForge };
  const releasePlease = require('release-please') as ReleasePlease;

  const { default: AjvClass } = require('ajv') as { default: new (options: object) => Ajv };
  const ajv = new AjvClass({ strict: false, validateFormats: false });
  await checkSchema(ajv, CONFIG, releasePlease.configSchema);
  await checkSchema(ajv, MANIFEST, releasePlease.manifestSchema);

  const repository = await mkdtemp(join(tmpdir(), 'check-release-please-'));
  try {
    await checkReleases(releasePlease, LocalGitHub, repository);
  } finally {
    await rm(repository, { recursive: true, force: true });
  }
}

async function checkSchema(ajv: Ajv, path: string, schema: object): Promise<void> {
  const validate = ajv.compile(schema);
  if (validate(JSON.parse(await readFile(join(ROOT, path), 'utf8')))) return;
  throw new CheckError(`${path} is not what its schema says: ${JSON.stringify(validate.errors, null, 2)}`);
}

async function checkReleases(releasePlease: ReleasePlease, LocalGitHub: LocalForge, repository: string): Promise<void> {
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: repository, encoding: 'utf8' }).trim();
  const commit = (message: string): string => {
    git('add', '--all');
    git('-c', 'user.name=a', '-c', 'user.email=a@example.com', 'commit', '--quiet', '--allow-empty', '-m', message);
    return git('rev-parse', 'HEAD');
  };
  const log: string[] = [];
  const write = (line: string): number => log.push(String(line));
  releasePlease.setLogger({ error: write, warn: write, info: write, debug() {}, trace() {} });
  console.warn = write;

  await copySources(repository);
  git('init', '--quiet', '--initial-branch', BRANCH);

  const pullRequests: PullRequest[] = [];
  const released: Release[] = [];
  const name = { owner: 'Flagsmith', repo: 'flagsmith-otel-collector', defaultBranch: BRANCH };
  const forge = new LocalGitHub(name, apiOf(pullRequests, released), repository, {});
  forge.createPullRequest = async (pullRequest, branch, message, updates) => {
    for (const [path, { content }] of await forge.buildChangeSet(updates, branch)) {
      await mkdir(dirname(join(repository, path)), { recursive: true });
      await writeFile(join(repository, path), content ?? '');
    }
    const number = pullRequests.length + 1;
    // Merged as it is opened, with the forge's own subject.
    const merged = { ...pullRequest, number, sha: commit(`${message} (#${number})`) };
    pullRequests.push(merged);
    return merged;
  };
  const run = async (): Promise<number> => {
    const load = () => releasePlease.Manifest.fromManifest(forge, BRANCH, CONFIG, MANIFEST);
    const opened = await (await load()).createPullRequests();
    await (await load()).createReleases();
    return opened.length;
  };
  const fail = (what: string): never => {
    throw new CheckError(`${what}\n${log.join('\n')}`);
  };

  for (const { message, path, version } of RELEASES) {
    const before = released.length;
    const file = join(repository, path);
    await writeFile(file, `${await readFile(file, 'utf8')}\n`);
    commit(message);
    const opened = await run();
    if (opened !== 1) fail(`after "${message}" there were ${opened} pull requests`);

    const tags = released.slice(before).map(({ tag }) => tag.toString());
    const expected = [`v${version}`, `${GO_MODULE}/v${version}`];
    if (tags.join() !== expected.join())
      fail(`after "${message}" the tags were ${tags.join(' ')}, not ${expected.join(' ')}`);
    for (const { tag, sha } of released.slice(before)) git('tag', tag.toString(), sha);
    await checkPlaces(repository, version);
    console.log(`${pullRequests.at(-1)?.title}: ${tags.join(' ')}`);
  }

  commit('docs: nothing to release');
  if ((await run()) !== 0) fail('a commit that is not released opened a pull request');
}

/** What is, or is about to be, committed, as before the first release. */
async function copySources(repository: string): Promise<void> {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: ROOT });
  for (const path of new Set(listed.toString().split('\0'))) {
    if (path === '' || basename(path) === 'CHANGELOG.md') continue;
    await mkdir(dirname(join(repository, path)), { recursive: true });
    // A file may be deleted, and that not be committed.
    await copyFile(join(ROOT, path), join(repository, path)).catch(() => {});
  }
  const unreleased = '0.0.0';
  await writeFile(join(repository, MANIFEST), JSON.stringify({ '.': unreleased, [GO_MODULE]: unreleased }, null, 2));
}

/** The forge's API, where every pull request is merged. */
function apiOf(pullRequests: PullRequest[], released: Release[]): object {
  const of = (number: number): PullRequest => {
    const found = pullRequests.find((pullRequest) => pullRequest.number === number);
    if (found === undefined) throw new CheckError(`there is no pull request ${number}`);
    return found;
  };
  return {
    async *pullRequestIterator(_branch: string, status = 'MERGED') {
      if (status === 'MERGED') yield* [...pullRequests].reverse();
    },
    async *releaseIterator() {
      for (const { tag, ...rest } of [...released].reverse()) yield { ...rest, tagName: tag.toString(), draft: false };
    },
    async createRelease(release: Release) {
      released.push(release);
      return { ...release, tagName: release.tag.toString(), url: '' };
    },
    async commentOnIssue() {},
    async addIssueLabels(labels: string[], number: number) {
      of(number).labels.push(...labels);
    },
    async removeIssueLabels(labels: string[], number: number) {
      of(number).labels = of(number).labels.filter((label) => !labels.includes(label));
    },
  };
}

async function checkPlaces(repository: string, version: string): Promise<void> {
  const escaped = version.replaceAll('.', '\\.');
  for (const [path, line] of PLACES) {
    const count = (await linesOf(repository, path)).filter((each) => line(escaped).test(each)).length;
    if (count !== 1) throw new CheckError(`${path} of ${version} has ${count} lines such as ${line(escaped)}, not 1`);
  }
  const documents = execFileSync('git', ['ls-files', '-z', ...DOCUMENTS], { cwd: repository, encoding: 'utf8' });
  for (const path of documents.split('\0').filter((each) => each !== '')) {
    const outdated = (await linesOf(repository, path)).find((line) => MENTION.test(line) && !line.includes(version));
    if (outdated === undefined) continue;
    throw new CheckError(
      `${path} of ${version} says "${outdated.trim()}": write "# x-release-please-version" behind it, and the file into the extra-files of ${CONFIG}`,
    );
  }
}

async function linesOf(repository: string, path: string): Promise<string[]> {
  return (await readFile(join(repository, path), 'utf8')).split('\n');
}

try {
  await main();
  console.log('release-please: ok');
} catch (error) {
  console.error(error instanceof CheckError ? error.message : error);
  process.exit(1);
}
