/**
 * A Chromium for the tests of the pages: one that is there, or one that is installed from a registry. Where there is none
 * and none can be had, the tests of the pages are skipped and say why.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const COMMANDS = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
const APPLICATIONS = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];
const INSTALL_TIMEOUT = 240_000;

/** The path of a Chromium: CHROMIUM_PATH, a command, an application, or what playwright has installed. */
function found(): string | undefined {
  const { CHROMIUM_PATH } = process.env;
  if (CHROMIUM_PATH !== undefined && CHROMIUM_PATH !== '') return CHROMIUM_PATH;
  return [...COMMANDS.flatMap(pathOf), ...APPLICATIONS, chromium.executablePath()].find((path) => existsSync(path));
}

function pathOf(command: string): string[] {
  try {
    return [execFileSync('sh', ['-c', `command -v ${command}`], { encoding: 'utf8' }).trim()];
  } catch {
    return [];
  }
}

/** Debian's package where this may install one, since it brings the libraries too; else playwright's build. */
function install(): void {
  if (process.getuid?.() === 0 && pathOf('apt-get').length > 0) {
    say('Installing Chromium with apt-get, for the tests of the pages');
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const packages = ['install', '--yes', '--no-install-recommends', 'chromium'];
    if (attempt('apt-get', packages, env)) return;
    if (attempt('apt-get', ['update'], env) && attempt('apt-get', packages, env)) return;
  }
  say('Installing Chromium with playwright-core, for the tests of the pages');
  attempt('npx', ['playwright-core', 'install', 'chromium-headless-shell'], process.env);
}

function attempt(command: string, args: readonly string[], env: NodeJS.ProcessEnv): boolean {
  try {
    execFileSync(command, args, { env, stdio: 'pipe', timeout: INSTALL_TIMEOUT });
    return true;
  } catch {
    return false;
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

const NONE =
  'There is no Chromium and none could be installed, so the pages are not tested. CHROMIUM_PATH says where one is.';

/** Finds or installs a Chromium before any test, once: vitest's global setup. */
export default function setUp({ provide }: { provide(key: 'chromium', path: string): void }): void {
  if (found() === undefined) install();
  const path = found();
  if (path === undefined) say(NONE);
  provide('chromium', path ?? '');
}

declare module 'vitest' {
  interface ProvidedContext {
    /** The path of a Chromium, '' where there is none. */
    readonly chromium: string;
  }
}

/** Starts the Chromium at a path, so that it asks for nothing by itself. */
export function launch(executablePath: string): Promise<Browser> {
  const quiet = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];
  return chromium.launch({
    executablePath,
    // Chromium refuses to run as root with its sandbox.
    chromiumSandbox: process.getuid?.() !== 0,
    args: [...quiet, '--disable-component-update', '--disable-sync'],
  });
}

/** Opens a page that is empty. `onTrouble` is told what goes wrong in it, and what it or its workers ask of other servers. */
export async function newPage(
  browser: Browser,
  origin: string,
  options: BrowserContextOptions,
  onTrouble: (line: string) => void,
): Promise<Page> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.on('pageerror', ({ message }) => onTrouble(message));
  page.on('console', (message) => {
    if (message.type() === 'error') onTrouble(message.text());
  });
  context.on('request', (request) => {
    if (!request.url().startsWith(origin)) onTrouble(`asked for ${request.url()}`);
  });
  return page;
}
