/** The live page in a browser, used as a person would. */
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test, vi } from 'vitest';
import type { OutcomesOf } from '../../local-amplitude/records.ts';
import { type LocalAmplitude, startLocalAmplitude } from '../../local-amplitude/server.ts';
import { launch, newPage } from './browser.ts';
import { moments } from './picture.ts';
import { event, product, send } from './traffic.ts';

const chromium = inject('chromium');

/** Written with UPDATE_SCREENSHOTS=1. */
const PICTURE = fileURLToPath(new URL('../../docs/images/live-page.png', import.meta.url));

let browser: Browser;
let amplitude: LocalAmplitude;
let outcomesNow: OutcomesOf;
/** What went wrong in a page, and what it asked of other servers. */
let trouble: string[];

beforeAll(async () => {
  if (chromium !== '') browser = await launch(chromium);
});
afterAll(() => browser?.close());

beforeEach(async () => {
  outcomesNow = () => [];
  trouble = [];
  amplitude = await startLocalAmplitude({
    limit: { eventsPerSecond: 30 },
    outcomesOf: (request) => outcomesNow(request),
  });
});
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(browser?.contexts().map((context) => context.close()) ?? []);
  await amplitude.close();
  expect(trouble).toEqual([]);
});

async function open(path = '', options: BrowserContextOptions = {}): Promise<Page> {
  const page = await newPage(browser, amplitude.url, options, (line) => trouble.push(line));
  await page.goto(`${amplitude.url}/${path}`);
  await page.getByText('live', { exact: true }).waitFor();
  return page;
}

async function postRecords(request: object): Promise<void> {
  const headers = { 'content-type': 'application/json', connection: 'close' };
  await fetch(`${amplitude.url}/v1/logs`, { method: 'POST', headers, body: JSON.stringify(request) });
}

/** The browser itself says that a server did not answer, or had nothing at a path. */
function expectFailedRequests(): void {
  trouble = trouble.filter((line) => !line.startsWith('Failed to load resource'));
}

const rowsOf = (page: Page) => page.getByRole('option');
const detailsOf = (page: Page) => page.getByRole('region', { name: 'Details' });

/** The types of the rows that can be seen, from the top. */
const typesOf = (page: Page): Promise<string[]> => rowsOf(page).locator('.name').allTextContents();

describe.skipIf(chromium === '')('the live page', () => {
  test('shows events as they arrive, newest first, and one whole', async () => {
    const page = await open();
    await expect.poll(() => page.getByRole('listbox').textContent()).toContain('Waiting for events');
    await send(amplitude, [event('a.first', { user_id: 'ada@example.com', event_properties: { plan: 'pro' } })]);
    await expect.poll(() => typesOf(page)).toEqual(['a.first']);
    await send(amplitude, [event('b.second', { device_id: 'device-1' })]);
    await expect.poll(() => typesOf(page)).toEqual(['b.second', 'a.first']);

    await rowsOf(page).getByText('a.first').click();
    const shown = JSON.parse((await detailsOf(page).locator('.json').textContent()) ?? '');
    expect(shown).toEqual(amplitude.events()[0]);
  });

  test('says what to do where there is nothing, and that works', async () => {
    const page = await open('', { permissions: ['clipboard-read', 'clipboard-write'] });
    await page.getByTitle('Copies the command').last().click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    const command: string = await page.evaluate('navigator.clipboard.readText()');
    expect(command).toBe(await page.locator('.command').last().textContent());
    const [, url = '', body = ''] = /^curl (\S+) .* -d '(.*)'$/.exec(command) ?? [];
    await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    await expect.poll(() => typesOf(page)).toEqual(['hello.sent']);
  });

  test('shows the record beside its event, and why a record became none', async () => {
    const record = (eventName: string) => ({
      eventName,
      timeUnixNano: '1767607200123000000',
      attributes: [{ key: 'seats', value: { intValue: '5' } }],
    });
    const sent = event('billing.seat.added', { user_id: 'org:42', event_properties: { seats: 5 } });
    outcomesNow = () => [
      { insert_id: String(sent.insert_id), left_out: ['price'] },
      { outcome: 'dropped', reason: 'no_identity', hint: 'none of the attributes holds an id' },
    ];
    const scopeLogs = [{ logRecords: [record('billing.seat.added'), record('page.viewed')] }];
    const page = await open();
    await postRecords({ resourceLogs: [{ scopeLogs }] });
    await send(amplitude, [sent]);

    await rowsOf(page).getByText('billing.seat.added').click();
    await expect.poll(() => detailsOf(page).textContent()).toContain('OpenTelemetry log record');
    const shown = JSON.parse((await detailsOf(page).locator('.json').last().textContent()) ?? '');
    expect(shown).toEqual({
      eventName: 'billing.seat.added',
      time: '2026-01-05T10:00:00.123Z',
      attributes: { seats: 5 },
    });

    expect(await detailsOf(page).textContent()).toContain('does not take the value: price.');
    expect(await rowsOf(page).getByText('left out').count()).toBe(1);

    await rowsOf(page).getByText('page.viewed').click();
    await expect.poll(() => detailsOf(page).textContent()).toContain('became no event: dropped, no_identity');
    expect(await detailsOf(page).textContent()).toContain('The exporter says: none of the attributes holds an id.');
  });

  test('filters by event type and by user, and keeps all of that in its address', async () => {
    await send(amplitude, product());
    const page = await open();
    await page.getByLabel('Filter by event type').fill('flag');
    await expect.poll(() => typesOf(page)).toEqual(['features.flag.updated', 'features.flag.created']);
    await page.getByLabel('Filter by event type').fill('');
    await page.getByLabel('Filter by user or device').fill('GRACE');
    await rowsOf(page).getByText('checkout.completed').click();
    const seen = await typesOf(page);
    expect(seen).toHaveLength(4);

    await page.reload();
    await expect.poll(() => typesOf(page)).toEqual(seen);
    await expect.poll(() => detailsOf(page).locator('h2').textContent()).toBe('checkout.completed');
  });

  test('shows a user: properties, groups, exposures, events; and a group', async () => {
    await send(amplitude, product());
    const page = await open();
    await rowsOf(page).getByText('features.flag.created').click();
    await detailsOf(page).getByRole('button', { name: 'ada@example.com' }).click();
    const details = detailsOf(page);
    await expect
      .poll(() => details.getByRole('row').allTextContents())
      .toEqual(expect.arrayContaining(['plan"scale"', 'signup.source"github"', 'seats5']));
    expect(await details.locator('.stream').textContent()).toContain('features.flag.updated');
    await page.goBack();
    await expect.poll(() => details.locator('h2').textContent()).toBe('features.flag.created');

    await page.getByRole('tab', { name: 'Users' }).click();
    await rowsOf(page).getByText('grace@example.com').click();
    await expect.poll(() => details.textContent()).toContain('new_checkout → treatment');

    await page.getByRole('tab', { name: 'Groups' }).click();
    await page.getByLabel('Filter by type or name').fill('organ');
    await rowsOf(page).getByText('Acme').click();
    await page.reload();
    await expect
      .poll(() => details.getByRole('row').allTextContents())
      .toEqual(expect.arrayContaining(['plan"enterprise"', 'seats40']));
    expect(await rowsOf(page).count()).toBe(1);
  });

  test('says that a user is not known, and shows it once an event has come', async () => {
    const page = await open('#/users?open=lin%40example.com');
    await expect.poll(() => detailsOf(page).textContent()).toContain('No event came from lin@example.com.');
    await send(amplitude, [event('a', { user_id: 'lin@example.com' })]);
    await expect.poll(() => detailsOf(page).locator('h2').textContent()).toBe('lin@example.com');
    expectFailedRequests();
  });

  test('shows requests with their answers, duplicates discarded and throttling', async () => {
    const events = product();
    await send(amplitude, events);
    await send(amplitude, events.slice(0, 2));
    const many = Array.from({ length: 40 }, () => event('busy', { user_id: 'busy@example.com' }));
    expect(await send(amplitude, many)).toBe(429);
    const page = await open();
    expect((await typesOf(page)).slice(0, 2)).toEqual(['onboarding.environment.first_evaluated', '$groupidentify']);
    expect(await rowsOf(page).getByText('duplicate', { exact: true }).count()).toBe(2);

    await page.getByRole('tab', { name: 'Requests' }).click();
    expect(await rowsOf(page).count()).toBe(3);
    expect(await rowsOf(page).getByText('2 duplicates').count()).toBe(1);
    await rowsOf(page).getByText('throttled').click();
    await expect.poll(() => detailsOf(page).textContent()).toContain('"busy@example.com": 40');

    await send(amplitude, [event('', { user_id: 'ada@example.com' })]);
    await expect.poll(() => rowsOf(page).first().textContent()).toMatch(/^4001 event.+/);
    await page.getByLabel('Filter by answer').fill('429');
    await expect.poll(() => rowsOf(page).count()).toBe(1);
  });

  test('works with a keyboard alone', async () => {
    await send(amplitude, product());
    const page = await open();
    await page.keyboard.press('/');
    await page.keyboard.type('flag');
    await page.keyboard.press('Escape');
    await page.keyboard.press('ArrowDown');
    const heading = () => detailsOf(page).locator('h2').textContent();
    await expect.poll(heading).toBe('features.flag.updated');
    await page.keyboard.press('ArrowDown');
    await expect.poll(heading).toBe('features.flag.created');
    await page.keyboard.press('Escape');
    expect(await detailsOf(page).textContent()).toContain('Choose an event');

    await page.keyboard.press('/');
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.press('Backspace');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowDown');
    await expect.poll(heading).toBe('checkout.completed');
    await page.keyboard.press('Enter');
    await expect.poll(() => detailsOf(page).evaluate((pane) => pane.matches(':focus'))).toBe(true);
    await page.keyboard.press('ArrowDown');
    expect(await heading()).toBe('checkout.completed');
    // Closed, and on from there.
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByRole('listbox').evaluate((list) => list.matches(':focus'))).toBe(true);
    await page.keyboard.press('ArrowDown');
    await expect.poll(heading).toBe('billing.seat.added');

    await page.keyboard.press('?');
    expect(await page.getByRole('dialog').isVisible()).toBe(true);
    await page.keyboard.press('Escape');
    await page.keyboard.press('2');
    await expect.poll(() => rowsOf(page).first().textContent()).toContain('@example.com');
  });

  test('pauses, and forgets', async () => {
    const page = await open();
    await page.getByRole('button', { name: 'Pause' }).click();
    await send(amplitude, [event('a', { user_id: 'user-1' })]);
    await send(amplitude, [event('b', { user_id: 'user-1' })]);
    await page.getByText('paused, 2 new').waitFor();
    expect(await rowsOf(page).count()).toBe(0);
    await page.getByRole('button', { name: 'Resume' }).click();
    await expect.poll(() => typesOf(page)).toEqual(['b', 'a']);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Clear' }).click();
    await expect.poll(() => rowsOf(page).count()).toBe(0);
    expect(amplitude.events()).toEqual([]);
  });

  test('goes on when the server was away', async () => {
    const page = await open();
    await amplitude.suspend();
    await page.getByText('not connected').waitFor();
    await amplitude.resume();
    await page.getByText('live', { exact: true }).waitFor();
    await send(amplitude, [event('a', { user_id: 'user-1' })]);
    await expect.poll(() => typesOf(page)).toEqual(['a']);
    expectFailedRequests();
  });

  test('forgets what a server before had', async () => {
    await send(amplitude, [event('a', { user_id: 'user-1' })]);
    const page = await open();
    await rowsOf(page).getByText('a', { exact: true }).click();
    await amplitude.close();
    amplitude = await startLocalAmplitude({ port: amplitude.port });
    await send(amplitude, [event('b', { user_id: 'user-1' }), event('c', { user_id: 'user-1' })]);
    await expect.poll(() => typesOf(page)).toEqual(['c', 'b']);
    expect(await detailsOf(page).textContent()).toContain('Choose an event');
    expectFailedRequests();
  });

  test('on a narrow screen shows the list or what is open', async () => {
    await send(amplitude, product());
    const page = await open('', { viewport: { width: 390, height: 800 } });
    await rowsOf(page).getByText('checkout.completed').click();
    await expect.poll(() => page.getByRole('listbox').isVisible()).toBe(false);
    const overflow: boolean = await page.evaluate('document.documentElement.scrollWidth > innerWidth');
    expect(overflow).toBe(false);
    await page.getByRole('button', { name: 'Close' }).click();
    await expect.poll(() => page.getByRole('listbox').isVisible()).toBe(true);
  });

  test('at 10,000 events only those that can be seen are in the page', async () => {
    const all = Array.from({ length: 10_000 }, (_, index) =>
      event(`type.${index}`, { user_id: `user-${index}@example.com` }),
    );
    for (let from = 0; from < all.length; from += 1_000) await send(amplitude, all.slice(from, from + 1_000));
    const page = await open();
    await expect.poll(() => page.getByRole('status').textContent()).toBe('10,000');
    expect(await rowsOf(page).count()).toBeLessThan(60);
    expect((await typesOf(page))[0]).toBe('type.9999');

    await page.getByRole('listbox').focus();
    await page.keyboard.press('End');
    await expect.poll(() => typesOf(page).then((types) => types.at(-1))).toBe('type.0');
    expect(await rowsOf(page).count()).toBeLessThan(60);
    await page.getByLabel('Filter by event type').fill('type.77');
    await expect.poll(() => page.getByRole('status').textContent()).toBe('111');
  });

  test('has a strict policy for what it may load', async () => {
    const response = await fetch(`${amplitude.url}/`);
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    await expect(fetch(`${amplitude.url}/playground/..%2f..%2fpackage.json`)).resolves.toMatchObject({ status: 404 });
  });

  test.each(['light', 'dark'] as const)('is readable in %s', async (colorScheme) => {
    await send(amplitude, product());
    const page = await open('', { colorScheme });
    await rowsOf(page).first().waitFor();
    const colours: readonly string[] = await page.evaluate(
      '[getComputedStyle(document.querySelector(".row")).color, getComputedStyle(document.body).backgroundColor]',
    );
    const [text = 0, ground = 0] = colours.map(lightness);
    expect(Math.abs(text - ground)).toBeGreaterThan(150);
    expect(text < ground).toBe(colorScheme === 'light');
    await page.getByRole('button', { name: /^Theme/ }).click();
    await page.getByRole('button', { name: 'Theme: light' }).waitFor();
  });

  test('shows what became of each record of a product, and is photographed so', async () => {
    const options = { timezoneId: 'UTC', colorScheme: 'light' } as const;
    const page = await open('', { ...options, viewport: { width: 1280, height: 800 } });
    vi.useFakeTimers({ toFake: ['Date'] });
    for (const { at, request, events, outcomesOf } of moments()) {
      vi.setSystemTime(at + 180);
      outcomesNow = outcomesOf;
      await postRecords(request);
      if (events.length > 0) await send(amplitude, events);
    }
    await send(amplitude, amplitude.events().slice(-1));
    await page.clock.setFixedTime(Date.now() + 3_000);
    await expect.poll(() => typesOf(page).then(({ length }) => length)).toBe(18);
    const marks = await rowsOf(page).locator('.pill').allTextContents();
    expect(marks).toEqual(['duplicate', 'left out', 'no_identity', 'skipped']);

    await rowsOf(page).getByText('features.flag.updated').last().click();
    await expect.poll(() => detailsOf(page).textContent()).toContain('OpenTelemetry log record');
    await expect.poll(() => rowsOf(page).first().locator('time').textContent()).toBe('3 s ago');
    if (process.env.UPDATE_SCREENSHOTS === '1') await page.screenshot({ path: PICTURE });
  });
});

/** Of a colour as the browser computes it, such as `rgb(18, 18, 23)`: from 0 to 255. */
function lightness(colour: string): number {
  return Math.max(...(colour.match(/[\d.]+/g) ?? []).slice(0, 3).map(Number));
}
