/** The playground in a browser, used as a person would. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { type LocalAmplitude, startLocalAmplitude } from '../../local-amplitude/server.ts';
import type { Job, Preview } from '../playground/protocol.ts';
import { launch, newPage } from './browser.ts';

const chromium = inject('chromium');
const root = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

const HOSTILE = root('build/hostile.core.wasm');
const CAPTURED = root('exporter/core/cli/preview/testdata/');
const CORPUS = root('exporter/testdata/');
const corpus = (path: string): string => readFileSync(join(CORPUS, path), 'utf8');

/** When the records of the corpus arrive, in milliseconds. */
const ARRIVAL = 1_770_000_000_000;

let browser: Browser;
let amplitude: LocalAmplitude;
/** What went wrong in a page, and what it asked of other servers. */
let trouble: string[];
/** What was asked of the page's own server. */
let asked: string[];

beforeAll(async () => {
  if (chromium !== '') browser = await launch(chromium);
  amplitude = await startLocalAmplitude();
});
afterAll(async () => {
  await browser?.close();
  await amplitude.close();
});

beforeEach(() => {
  trouble = [];
  asked = [];
});
afterEach(async () => {
  await Promise.all(browser?.contexts().map((context) => context.close()) ?? []);
  expect(trouble).toEqual([]);
});

async function open(fragment = '', options: BrowserContextOptions = {}): Promise<Page> {
  const page = await newPage(browser, amplitude.url, options, (line) => trouble.push(line));
  page.context().setDefaultTimeout(15_000);
  page.context().on('request', (request) => {
    asked.push(`${request.method()} ${new URL(request.url()).pathname}`);
  });
  await page.goto(`${amplitude.url}/playground/${fragment}`);
  return page;
}

const configOf = (page: Page) => page.getByLabel('Config in YAML');
const recordsOf = (page: Page) => page.getByLabel('OTLP records');
const listOf = (page: Page) => page.getByRole('listbox', { name: 'Records' });
const rowsOf = (page: Page) => listOf(page).getByRole('option').allTextContents();
const chipsOf = (page: Page) => page.getByRole('group', { name: 'Which records' }).textContent();
const faultsOf = (page: Page) => page.getByRole('status', { name: 'Faults' }).locator('.message').allTextContents();
const eventOf = async (page: Page) => JSON.parse((await page.locator('.details .json').first().textContent()) ?? '');

/** The names of what a page shows as records and as their events. */
const shows = (page: Page, text: string) => expect.poll(() => chipsOf(page)).toContain(text);

/** Chooses files as the buttons do that open them. */
async function give(page: Page, button: string, files: string | { name: string; mimeType: string; buffer: Buffer }) {
  const choosing = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: button }).first().click();
  await (await choosing).setFiles(files);
}

/** Drops a file on the page. */
async function drop(page: Page, name: string, bytes: Uint8Array): Promise<void> {
  const base64 = Buffer.from(bytes).toString('base64');
  await inPage(
    page,
    `const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(atob(given.base64), (char) => char.charCodeAt(0))], given.name));
    dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, cancelable: true }));`,
    { name, base64 },
  );
}

/** Runs code in a page, which has \`given\`. As text, since the tests are written for Node.js. */
function inPage<T>(page: Page, code: string, given: object = {}): Promise<T> {
  return page.evaluate<T>(`(async (given) => { ${code} })(${JSON.stringify(given)})`);
}

function requestOf(...names: string[]): string {
  const attributes = [{ key: 'amplitude.user_id', value: { stringValue: 'ada@example.com' } }];
  const logRecords = names.map((eventName) => ({ eventName, timeUnixNano: '1767607200123000000', attributes }));
  return JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] });
}

const KEY = 'api_key: 0123456789abcdef0123456789abcdef\n';

describe.skipIf(chromium === '')('the playground', () => {
  test('makes of each case of the corpus what is in its events.json, byte for byte', async () => {
    const page = await open();
    await shows(page, 'records');
    const worker = page.workers()[0]?.url() ?? '';
    for (const name of readdirSync(CORPUS)) {
      const { records, faults } = await previewed(page, worker, name);
      const { text, count } = goldenOf(name);
      const events = records.flatMap(({ outcome }) => ('event' in outcome ? [outcome.event] : []));
      expect({ name, faults, count: events.length }).toEqual({ name, faults: [], count });
      let at = 0;
      for (const event of events) {
        const found = text.indexOf(event, at);
        expect(found, `${name}: ${event}`).toBeGreaterThanOrEqual(0);
        at = found + event.length;
      }
    }
  });

  test('shows pasted records, each with its event or why there is none, and asks for nothing more', async () => {
    const page = await open();
    await shows(page, '6 records');
    const before = asked.length;
    await configOf(page).fill(`${KEY}events: [a.*]\n`);
    await recordsOf(page).fill(`${requestOf('a.first', 'b.second')}\n${requestOf('a.third')}\n{"cut`);
    await shows(page, '3 records2 events1 skipped');
    expect(await rowsOf(page)).toEqual(['a.firstevent', 'b.secondskipped', 'a.thirdevent']);
    expect(await eventOf(page)).toMatchObject({ event_type: 'a.first', user_id: 'ada@example.com' });
    await listOf(page).getByRole('option').getByText('b.second').click();
    await expect.poll(() => page.getByRole('region', { name: 'Details' }).textContent()).toContain('Skipped');
    await page.getByText('Summary:').click();
    expect(await page.locator('.counts').textContent()).toContain('the records line 3 is not JSON');
    // Chromium asks for the icon again where the address changes.
    expect(asked.slice(before).filter((one) => !one.endsWith('.svg'))).toEqual([]);
    expect(asked.filter((one) => !/^GET \/playground\/(assets\/[\w.-]+)?$/.test(one))).toEqual([]);
  });

  test('forbids itself to ask other servers', async () => {
    const page = await open();
    const error = await inPage(page, "return fetch('https://example.com/').then(String, String)");
    expect(error).toContain('Failed to fetch');
    expect(trouble.splice(0).join()).toContain('Content Security Policy');
  });

  test('reads what the file exporter writes, as it is and gzipped', async () => {
    const page = await open();
    await configOf(page).fill(KEY);
    for (const name of ['json', 'json-zstd', 'json-zstd-native', 'proto', 'proto-zstd', 'proto-zstd-native']) {
      const bytes = readFileSync(CAPTURED + name);
      await drop(page, `${name}.captured`, bytes);
      const place = name === 'json' ? 'the records line 1' : `${name}.captured`;
      await expect.poll(() => page.locator('.details').textContent()).toContain(place);
      const rows = await rowsOf(page);
      expect(rows.length).toBeGreaterThan(0);
      await drop(page, `${name}.gz`, gzipSync(bytes));
      await expect.poll(() => page.locator('.details').textContent()).toContain(`${name}.gz decompressed`);
      expect(await rowsOf(page)).toEqual(rows);
    }
  });

  test('names faults as one types, each with its line, in the words of validate', async () => {
    const page = await open();
    await shows(page, '6 records');
    const settings = `${KEY}region: mars\nevents:\n  - "a.*"\n  - "["\n`;
    await configOf(page).fill(settings);
    await expect.poll(() => faultsOf(page)).toHaveLength(2);
    await expect.poll(() => page.getByRole('region', { name: 'Results' }).textContent()).toContain('before');
    const bare = await faultsOf(page);
    expect(bare[0]).toContain('region: is "mars"');
    expect(await page.getByRole('button', { name: /^line/ }).allTextContents()).toEqual(['line 2', 'line 5']);
    await page.getByRole('button', { name: 'line 5' }).click();
    expect(await inPage(page, 'return String(getSelection())')).toBe('  - "["');

    const whole = `exporters:\n  amplitude/eu:\n${settings.replace(/^/gm, '    ')}`;
    await configOf(page).fill(whole);
    await expect.poll(() => page.getByRole('button', { name: 'line 7' }).count()).toBe(1);
    const validated = validate(`${whole}\nreceivers: {otlp: {protocols: {http: }}}
service: {pipelines: {logs: {receivers: [otlp], exporters: [amplitude/eu]}}}\n`);
    const faults = await faultsOf(page);
    expect(faults.map((fault) => fault.replace('exporters::amplitude/eu: ', ''))).toEqual(bare);
    for (const fault of bare) expect(validated).toContain(fault);

    await configOf(page).fill(`${KEY}events: [\n`);
    await expect.poll(() => faultsOf(page)).toEqual([expect.stringContaining('is not YAML')]);
    await configOf(page).fill(KEY);
    await expect.poll(() => faultsOf(page)).toEqual([]);
  });

  test('finds the exporter in the config of a collector, and asks which of several', async () => {
    const page = await open();
    const exporters = 'exporters:\n  amplitude/a: {events: [a]}\n  debug: {}\n  amplitude/b: {events: [b]}\n';
    await recordsOf(page).fill(requestOf('a', 'b'));
    await configOf(page).fill(exporters);
    await expect.poll(() => rowsOf(page)).toEqual(['aevent', 'bskipped']);
    await page.getByLabel('Exporter').selectOption('amplitude/b');
    await expect.poll(() => rowsOf(page)).toEqual(['askipped', 'bevent']);
  });

  test('has a core of one’s own decide, with its options, compared with the default one', async () => {
    const page = await open();
    await configOf(page).fill(`${KEY}core: {options: {faults: []}}\n`);
    await expect.poll(() => faultsOf(page)).toEqual([expect.stringContaining('core::options')]);
    await recordsOf(page).fill(requestOf('skips', 'adds', 'other', 'throws'));
    await give(page, 'Use your own core', HOSTILE);
    await shows(page, '3 differ');
    expect(await rowsOf(page)).toEqual([
      'skipsdiffersskipped',
      'addsdiffersevent',
      'otherevent',
      'throwsdiffersdropped: guest_fault',
    ]);
    await listOf(page).getByRole('option').getByText('adds').click();
    const table = page.getByRole('table', { name: 'Differences' });
    await expect.poll(() => table.textContent()).toContain('event_properties.addednothingtrue');
    await listOf(page).getByRole('option').getByText('throws').click();
    await expect.poll(() => page.locator('.error').textContent()).toContain('a rule failed');
    await page.getByLabel('compare with the default core').uncheck();
    await expect.poll(() => chipsOf(page)).not.toContain('differ');
  });

  test('refuses a file that is no core, or another than the config names', async () => {
    const page = await open();
    await shows(page, 'records');
    await drop(page, 'acme.wasm', readFileSync(HOSTILE).subarray(0, 1_000));
    await expect.poll(() => faultsOf(page)).toEqual([expect.stringContaining('load the core: it is damaged')]);
    await configOf(page).fill(`${KEY}core: {file: /etc/acme.wasm, sha256: ${'ab'.repeat(32)}}\n`);
    await drop(page, 'acme.wasm', readFileSync(HOSTILE));
    await expect.poll(() => faultsOf(page)).toEqual([expect.stringContaining('core::sha256 is abab')]);
    await page.getByRole('button', { name: 'Use the default core' }).click();
    await expect
      .poll(() => page.getByRole('region', { name: 'Config' }).textContent())
      .toContain('drop that file here');
  });

  test('ends a core that gives no answer, says so, and goes on with the next input', async () => {
    const page = await open();
    await shows(page, 'records');
    await page.clock.install();
    await give(page, 'Use your own core', HOSTILE);
    await page.clock.runFor(1_000);
    await shows(page, 'differ');
    await page.getByLabel('compare with the default core').uncheck();
    await recordsOf(page).fill(requestOf('loops'));
    await page.clock.runFor(1_000);
    await page.clock.fastForward(11_000);
    await expect.poll(() => page.getByRole('alert').textContent()).toContain('gave no answer for 10 s');
    await expect.poll(() => page.workers().length).toBe(0);
    await recordsOf(page).fill(requestOf('adds'));
    await page.clock.runFor(1_000);
    await expect.poll(() => rowsOf(page)).toEqual(['addsevent']);
  });

  test('holds all of it in a link, but for secrets', async () => {
    const page = await open();
    await configOf(page).fill(`${KEY}hash_key: correct-horse-battery-staple # ours\nevents: [a]\n`);
    await recordsOf(page).fill(requestOf('a', 'b'));
    await shows(page, '2 records1 event1 skipped');
    await page.getByRole('button', { name: /skipped/ }).click();
    await page.getByRole('button', { name: 'Copy link' }).click();
    await expect.poll(() => page.locator('.banner').textContent()).toContain('characters');
    const { hash } = new URL(page.url());
    const other = await open(hash);
    await shows(other, '2 records1 event1 skipped');
    expect(await rowsOf(other)).toEqual(['bskipped']);
    expect(await recordsOf(other).inputValue()).toBe(requestOf('a', 'b'));
    const config = await configOf(other).inputValue();
    expect(config).toContain('events: [a]');
    expect(config).not.toContain('0123456789abcdef');
    expect(config).not.toContain('correct');

    const cut = await open(hash.slice(0, -20));
    await expect.poll(() => cut.locator('.banner').textContent()).toContain('This link cannot be read');
  });

  test('asks for the core of a link, and says so where another one comes', async () => {
    const page = await open();
    await configOf(page).fill(KEY);
    await recordsOf(page).fill(requestOf('skips'));
    await give(page, 'Use your own core', HOSTILE);
    await expect.poll(() => rowsOf(page)).toEqual(['skipsdiffersskipped']);
    await page.getByRole('button', { name: 'Copy link' }).click();
    await expect.poll(() => page.locator('.banner').textContent()).toContain('characters');

    const other = await open(new URL(page.url()).hash);
    await expect.poll(() => other.locator('.banner').textContent()).toContain('This link was made with the core');
    expect(await rowsOf(other)).toEqual([]);
    await drop(other, 'core.wasm', readFileSync(root('exporter/amplitudeexporter/internal/guest/core.wasm')));
    await expect.poll(() => other.locator('.banner').textContent()).toContain("another core than the link's");
    await drop(other, 'hostile.wasm', readFileSync(HOSTILE));
    await expect.poll(() => rowsOf(other)).toEqual(['skipsdiffersskipped']);
    expect(await other.locator('.banner').count()).toBe(0);
  });

  test('says how long a link is that not everything takes', async () => {
    const page = await open();
    const random = Array.from({ length: 3_000 }, (_, index) => `e${(index * 2_654_435_761) % 2 ** 32}`);
    await recordsOf(page).fill(requestOf(...random));
    await shows(page, '3,000 records');
    await page.getByRole('button', { name: 'Copy link' }).click();
    await expect
      .poll(() => page.locator('.banner').textContent())
      .toMatch(/has [\d,]+ characters\. Some chat programs/);
  });

  test('starts from examples, with the keyboard alone', async () => {
    const page = await open();
    await shows(page, '6 records');
    await page.getByLabel('Examples').selectOption('Flag evaluations as $exposure');
    await expect.poll(async () => (await rowsOf(page)).join()).toContain('→ $exposure');
    await listOf(page).focus();
    await page.keyboard.press('End');
    const count = (await rowsOf(page)).length;
    await expect.poll(() => page.locator('.details').textContent()).toContain(`record ${count},`);
  });

  test('has the licences of what it is built from beside it', async () => {
    const licences = await (await fetch(`${amplitude.url}/playground/licences.txt`)).text();
    for (const of of ['preact (npm)', 'pako (npm)', 'yaml (npm)', 'QuickJS-ng']) expect(licences).toContain(of);
  });

  test('fits a narrow screen', async () => {
    const page = await open('', { viewport: { width: 390, height: 844 } });
    await shows(page, '6 records');
    expect(await inPage(page, 'return document.documentElement.scrollWidth')).toBe(390);
  });

  test.runIf(process.env.UPDATE_SCREENSHOTS === '1')('the picture of the README', async () => {
    const page = await open('', { colorScheme: 'light', viewport: { width: 1280, height: 800 } });
    await shows(page, '6 records');
    await listOf(page).getByRole('option').getByText('billing.seat.added').click();
    await page.screenshot({ path: root('docs/images/playground.png') });
  });
});

/** Has the page's own worker preview a case, without the page. */
function previewed(page: Page, worker: string, name: string): Promise<Preview> {
  const job = { id: 1, config: corpus(`${name}/config.yaml`), exporter: '', name, compares: false, arrival: ARRIVAL };
  return inPage(
    page,
    `globalThis.worker ??= new Worker(given.worker, { type: 'module' });
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => {
        if (data.kind === 'done') resolve(data.preview);
        if (data.kind === 'failed') reject(new Error(data.message));
      };
      worker.postMessage({ ...given.job, records: new Blob([given.records]) });
    });`,
    { worker, job: job satisfies Omit<Job, 'core' | 'records'>, records: corpus(`${name}/logs.json`) },
  );
}

/** The text of a case's events without what indents it, and how many there are. */
function goldenOf(name: string): { text: string; count: number } {
  const golden = corpus(`${name}/events.json`);
  const text = golden.replace(/("(?:[^"\\]|\\.)*")|\s+/g, (_, string = '') => string);
  const { batches } = JSON.parse(golden) as { batches: unknown[][] };
  return { text, count: batches.flat().length };
}

/** What the collector says of a config. */
function validate(config: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'playground-'));
  try {
    writeFileSync(join(folder, 'config.yaml'), config);
    execFileSync(root('dist/flagsmith-otel-collector'), ['validate', '--config', join(folder, 'config.yaml')], {
      stdio: 'pipe',
    });
    return '';
  } catch (error) {
    return String((error as { stderr?: Buffer }).stderr);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
