import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UsageError } from '../command.ts';
import type { Outcome } from './host.ts';
import type { MapperOptions } from './start-mapper.ts';
import { ARRIVAL, eventOf, requestOf, run, Sink, startWith } from './testing/run.ts';

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'preview-'));
  mkdirSync(join(cwd, 'folder'));
  for (const core of ['acme 1.4.0', 'next 2.0.0', 'broken'])
    writeFileSync(join(cwd, `${core.split(' ')[0]}.wasm`), core);
});
afterAll(() => rmSync(cwd, { recursive: true }));

const decide = (name: string, core: string): Outcome => {
  if (name === 'skipped') return { outcome: 'skipped' };
  if (name === 'sampled') return { outcome: 'sampled_out' };
  if (name === 'nobody') return { outcome: 'dropped', reason: 'no_identity' };
  if (name === 'fails')
    return { outcome: 'dropped', reason: 'guest_fault', error: 'TypeError: no\n    at decide (core.js:7:3)' };
  if (name === 'moved' && core.startsWith('acme')) return eventOf('moved', { seats: 5, tier: 'pro' });
  if (name === 'moved') return eventOf('moved', { seats: 4, plan: 'a' });
  if (name === 'gone' && core.startsWith('acme')) return { outcome: 'skipped' };
  if (name === 'left') return { ...eventOf('left'), leftOut: ['platform', 'platform'] };
  return eventOf(name, { seats: 5 });
};
const start = startWith(decide);

function preview(args: readonly string[], names: readonly string[] = ['a']): ReturnType<typeof run> {
  return run(['-', ...args], { cwd, start, input: requestOf(...names) });
}

describe('for people', () => {
  test('each record and its event, or why there is none, then a summary', async () => {
    const names = ['a', 'a', 'skipped', 'sampled', 'nobody', 'fails', 'left', 'timeless'];
    const { code, stdout, stderr } = await preview([], names);

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatchSnapshot();
  });

  test('of more than 20 records only the summary', async () => {
    const twenty = await preview([], Array(20).fill('a'));
    const more = await preview([], Array(21).fill('a'));

    expect(twenty.stdout.match(/^\d+ {2}standard input line 1$/gm)?.length).toBe(20);
    expect(more.stdout).toMatch(/^21 records of 1 request, core default 0\.0\.0\n {2}events +21\n/);
  });

  test.each([
    ['3', 3],
    ['all', 21],
    ['0', 0],
  ])('--records %s', async (records, count) => {
    const { stdout } = await preview(['--records', records], Array(21).fill('a'));
    expect(stdout.match(/^\d+ {2}standard input line 1$/gm)?.length ?? 0).toBe(count);
  });

  test('colours on a terminal, unless NO_COLOR says otherwise', async () => {
    const onTerminal = async (env: Record<string, string>): Promise<string> => {
      const stdout = Object.assign(new Sink(), { isTTY: true });
      await run(['-'], { cwd, start, input: requestOf('a'), stdout, env });
      return stdout.text;
    };
    expect(await onTerminal({})).toContain('\u001b[32ma\u001b[39m');
    expect(await onTerminal({ NO_COLOR: '1' })).not.toContain('\u001b');
    expect((await preview([])).stdout).not.toContain('\u001b');
  });

  test('many event types are counted together', async () => {
    const { stdout } = await preview(
      [],
      Array.from({ length: 40 }, (_, index) => `type ${index}`),
    );
    expect(stdout).toContain('  and 10 events of other types\n');
  });

  test('broken input is named, the rest counts, and the code is 1', async () => {
    const input = `${requestOf('a')}\nnonsense\n{"resourceSpans":[]}\n${requestOf('b')}`;
    const { code, stdout } = await run(['-'], { cwd, start, input });

    expect(code).toBe(1);
    expect(stdout).toContain('2 records of 2 requests');
    expect(stdout).toContain('requests of other signals, ignored\n  traces  1\n');
    expect(stdout).toContain("broken, 1 fault\n  standard input line 2 is not JSON: Unexpected token 'o'\n");
  });
});

describe('--json', () => {
  test('an object a record, the event byte for byte', async () => {
    const { code, stdout, stderr } = await preview(['--json'], ['a', 'skipped', 'nobody', 'sampled', 'fails', 'left']);

    expect(code).toBe(0);
    expect(stdout.split('\n')).toEqual([
      `{"record":0,"event":${eventOf('a', { seats: 5 }).event}}`,
      '{"record":1,"outcome":"skipped"}',
      '{"record":2,"outcome":"dropped","reason":"no_identity"}',
      '{"record":3,"outcome":"sampled_out"}',
      '{"record":4,"outcome":"dropped","reason":"guest_fault","error":"TypeError: no\\n    at decide (core.js:7:3)"}',
      `{"record":5,"event":${eventOf('left').event},"left_out":["platform","platform"]}`,
      '',
    ]);
    expect(stderr).toMatch(/^6 records of 1 request/);
  });

  test('what differs', async () => {
    const { code, stdout } = await preview(
      ['--json', '--core', 'acme.wasm', '--against', 'default'],
      ['a', 'moved', 'gone'],
    );
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));

    expect(code).toBe(1);
    expect(lines[0]).not.toHaveProperty('differences');
    expect(lines[1]).toMatchObject({
      against: { event: { event_type: 'moved' } },
      differences: [
        { key: 'event_properties.seats', from: 4, to: 5 },
        { key: 'event_properties.plan', from: 'a' },
        { key: 'event_properties.tier', to: 'pro' },
      ],
    });
    expect(lines[2]).toMatchObject({
      outcome: 'skipped',
      against: { event: { event_type: 'gone' } },
      differences: [{ key: 'outcome', from: 'event', to: 'skipped' }],
    });
  });
});

describe('--against', () => {
  test('shows what differs, key by key, and the code is 1', async () => {
    const { code, stdout } = await preview(['--core', 'acme.wasm', '--against', 'next.wasm'], ['a', 'moved', 'gone']);
    expect(code).toBe(1);
    expect(stdout).toMatchSnapshot();
  });

  test('the code is 0 where nothing does', async () => {
    const { code, stdout } = await preview(['--core', 'acme.wasm', '--against', 'default'], ['a', 'nobody']);
    expect(code).toBe(0);
    expect(stdout).toContain('compared with default 0.0.0: 0 of 2 records differ\n');
    expect(stdout).not.toContain('standard input line 1');
  });
});

describe('which core, and its settings', () => {
  const config = (yaml: string): string => {
    writeFileSync(join(cwd, 'collector.yaml'), `exporters:\n  amplitude:\n${yaml}\n`);
    return 'collector.yaml';
  };
  const started = async (args: readonly string[]): Promise<{ code: number; stderr: string; seen: MapperOptions[] }> => {
    const seen: MapperOptions[] = [];
    const { code, stderr } = await run(['-', ...args], { cwd, start: startWith(decide, seen), input: '' });
    return { code, stderr, seen };
  };
  const bytes = (core: string): Buffer => Buffer.from(core);
  const acme =
    '    region: eu\n    core: {file: acme.wasm, options: {tenant: a}, shadow: {file: next.wasm, options: {tenant: b}}}';

  test('without a config the default core', async () => {
    const { seen } = await started([]);
    expect(seen).toEqual([{ bytes: undefined, settings: { core: {} }, arrival: ARRIVAL }]);
  });

  test("the config's, with its options", async () => {
    const { seen } = await started(['--config', config(acme)]);
    const settings = { region: 'eu', core: { options: { tenant: 'a' } } };
    expect(seen).toEqual([{ bytes: bytes('acme 1.4.0'), settings, arrival: ARRIVAL }]);
  });

  test('--core goes before it, with the same options', async () => {
    const { seen } = await started(['--config', config(acme), '--core', 'next.wasm']);
    expect(seen[0]).toMatchObject({ bytes: bytes('next 2.0.0'), settings: { core: { options: { tenant: 'a' } } } });
  });

  test('the default core that is compared with has no options, the shadow its own', async () => {
    const args = ['--config', config(acme), '--against'];
    expect((await started([...args, 'default'])).seen[1]?.settings).toEqual({ region: 'eu', core: {} });
    expect((await started([...args, 'next.wasm'])).seen[1]?.settings).toMatchObject({
      core: { options: { tenant: 'b' } },
    });
    expect((await started([...args, 'acme.wasm'])).seen[1]?.settings).toMatchObject({
      core: { options: { tenant: 'a' } },
    });
  });

  test('the digest is compared', async () => {
    const { code, stderr } = await started(['--config', config('    core: {file: acme.wasm, sha256: 00ff}')]);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^core::sha256 is 00ff, and acme\.wasm has [\da-f]{64}: write that, or put the other file there\n$/,
    );
  });

  test('what is not set is said, and no fault', async () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what a Collector config takes
    const { code, stderr } = await started(['--config', config('    api_key: ${env:KEY}\n    region: ${env:REGION}')]);
    expect(code).toBe(0);
    expect(stderr).toBe(
      'collector.yaml: exporters::amplitude::region refers to REGION, which is not set: it counts as empty\n',
    );
  });

  test.each([
    [['--config', 'none.yaml'], /^--config none\.yaml: there is no such file \(.*none\.yaml\)\n$/],
    [['--core', 'folder'], /^--core folder: it is a folder/],
    [['--core', 'broken.wasm'], /^--core broken\.wasm: broken: is no core\n$/],
    [
      ['--core', 'broken.wasm', '--against', 'none.wasm'],
      /^--core broken\.wasm: broken: is no core\n--against none\.wasm: there is no such file/,
    ],
  ])('%s', async (args, expected) => {
    const { code, stderr } = await started(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(expected);
  });

  test('files that are not there, all of them', async () => {
    const { code, stderr } = await run(['none.jsonl', 'folder'], { cwd, start });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^none\.jsonl: there is no such file \(.*\)\nfolder: is a folder: name the files in it\n$/);
  });
});

describe('usage', () => {
  test.each([
    [[], 'which file? - is the standard input'],
    [['-', '-'], 'the standard input (-) can be read once'],
    [['-', '--records', 'many'], '--records is "many": write a number, or all'],
    [['-', '--exporter', 'amplitude'], '--exporter needs --config'],
    [['-', '--colour'], "Unknown option '--colour'"],
  ])('%s', async (args, message) => {
    const ran = run(args, { cwd, start });
    await expect(ran).rejects.toThrow(UsageError);
    await expect(ran).rejects.toThrow(message);
  });
});

describe('what reads the output', () => {
  const many = Array.from({ length: 500 }, () => requestOf(...Array<string>(10).fill('a'))).join('\n');

  test('may be slower', async () => {
    let waiting = 0;
    let most = 0;
    let text = '';
    const stdout = new Writable({
      write(chunk: Buffer, _, done) {
        waiting += chunk.length;
        most = Math.max(most, waiting);
        setImmediate(() => {
          waiting -= chunk.length;
          text += chunk.toString();
          done();
        });
      },
    });
    await run(['-', '--json'], { cwd, start, input: many, stdout });
    expect(text.trimEnd().split('\n').length).toBe(5_000);
    expect(most).toBeLessThan(100_000);
  });

  test('may end: a quiet end', async () => {
    const stdout = new Writable({
      write: (_, __, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
    });
    const { code, stderr } = await run(['-', '--json'], { cwd, start, input: many, stdout });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('a full disk is an error', async () => {
    const stdout = new Writable({
      write: (_, __, done) => done(Object.assign(new Error('no space left'), { code: 'ENOSPC' })),
    });
    await expect(run(['-', '--json'], { cwd, start, input: many, stdout })).rejects.toThrow('no space left');
  });

  test('sees on a terminal how far a long run is', async () => {
    let now = ARRIVAL;
    const stderr = Object.assign(new Sink(), { isTTY: true });
    writeFileSync(join(cwd, 'many.jsonl'), many);
    const read = (args: readonly string[]): ReturnType<typeof run> =>
      run(args, { cwd, start, stderr, now: () => (now += 10) });
    await read(['many.jsonl']);
    expect(stderr.text).toContain('\r\u001b[K█');
    expect(stderr.text).toMatch(/█+░* \d+ % {2}[\d,]+ records {2}\d s.*K$/s);

    stderr.text = '';
    stderr.isTTY = false;
    await read(['many.jsonl']);
    expect(stderr.text).toBe('');
  });
});
