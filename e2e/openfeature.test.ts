/**
 * Flags that OpenFeature's server SDK evaluates, as exposures at Amplitude. Of the hooks that OpenFeature has for
 * OpenTelemetry, EventHook emits log records: the event `feature_flag.evaluation`, and of an error `exception` too.
 */
import { EventHook } from '@openfeature/open-telemetry-hooks';
import { type Client, InMemoryProvider, OpenFeature } from '@openfeature/server-sdk';
import { logs } from '@opentelemetry/api-logs';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Pipeline, type PipelineOptions, SOON, startPipeline, until } from './pipeline.ts';

/** The evaluation context is the user. */
const exporter = {
  user_id_attribute: 'feature_flag.context.id',
  user_id_prefix: '',
  events: ['page.viewed'],
  exposures: ['*'],
};

const flags = {
  dark_mode: {
    variants: { on: true, off: false },
    defaultVariant: 'off',
    disabled: false,
    contextEvaluator: ({ targetingKey }: { targetingKey?: string }) => (targetingKey === 'user-off' ? 'off' : 'on'),
  },
  // Without an evaluator everybody has the default variant; the reason is then STATIC.
  colours: { variants: { few: 3, many: 12 }, defaultVariant: 'few', disabled: false },
  // Everybody has the default that stands in the code.
  retired: { variants: { on: true }, defaultVariant: 'on', disabled: true },
};

const MORNING = '2026-01-05T08:00:00Z';
const EVENING = '2026-01-05T20:00:00Z';
const NEXT_MORNING = '2026-01-06T08:00:00Z';

let client: Client;
let provider: LoggerProvider | undefined;

beforeEach(async () => {
  await OpenFeature.setProviderAndWait(new InMemoryProvider(flags));
});

afterEach(async () => {
  vi.useRealTimers();
  logs.disable();
  await provider?.shutdown();
  provider = undefined;
  await OpenFeature.close();
});

test('a targeting match is an exposure', async () => {
  const pipeline = await startEvaluations();
  expect(await evaluateAt(MORNING, 'user-1234')).toBe(true);
  expect(await evaluateAt(MORNING, 'user-off')).toBe(false);
  await arrive(pipeline, { delivered: 2 });

  const exposure = (variant: string, result: boolean): object => ({
    flag_key: 'dark_mode',
    variant,
    'feature_flag.provider.name': 'in-memory',
    'feature_flag.result.reason': 'targeting_match',
    'feature_flag.result.value': result,
  });
  const insert_id = expect.stringMatching(/^[0-9a-f]{32}$/);
  const library = expect.stringMatching(/^flagsmith-otel-collector/);
  const event = { event_type: '$exposure', time: Date.parse(MORNING), insert_id, library };
  expect(pipeline.amplitude.events()).toEqual([
    { ...event, user_id: 'user-1234', event_properties: exposure('on', true) },
    { ...event, user_id: 'user-off', event_properties: exposure('off', false) },
  ]);
});

test('a default is no exposure', async () => {
  const pipeline = await startEvaluations();
  const context = { targetingKey: 'user-1234' };
  const colours = await client.getNumberDetails('colours', 1, context);
  const retired = await client.getBooleanDetails('retired', false, context);
  expect([colours.reason, retired.reason]).toEqual(['STATIC', 'DISABLED']);
  await arrive(pipeline, { skipped: 2 });
  expect(pipeline.amplitude.events()).toEqual([]);
});

test('an error is no exposure', async () => {
  const pipeline = await startEvaluations();
  const context = { targetingKey: 'user-1234' };
  const missing = await client.getBooleanDetails('missing', false, context);
  const mismatch = await client.getStringDetails('dark_mode', 'off', context);
  expect([missing.errorCode, mismatch.errorCode]).toEqual(['FLAG_NOT_FOUND', 'TYPE_MISMATCH']);
  // Of each the evaluation, and the exception.
  await arrive(pipeline, { skipped: 4 });
  expect(pipeline.amplitude.events()).toEqual([]);
});

test('of a user, a flag, a variant and a day there is one exposure', async () => {
  const pipeline = await startEvaluations();
  await evaluateAt(MORNING, 'user-1234');
  await arrive(pipeline, { delivered: 1 });
  await evaluateAt(EVENING, 'user-1234');
  await evaluateAt(EVENING, 'user-5678');
  await evaluateAt(NEXT_MORNING, 'user-1234');
  await arrive(pipeline, { delivered: 4 });

  // Amplitude discards what has an insert_id that it has.
  const counted = pipeline.amplitude.events().map(({ user_id, time }) => [user_id, time]);
  expect(counted).toEqual([
    ['user-1234', Date.parse(MORNING)],
    ['user-5678', Date.parse(EVENING)],
    ['user-1234', Date.parse(NEXT_MORNING)],
  ]);
});

test('flags that are not named under exposures are events as any other', async () => {
  const pipeline = await startEvaluations({
    exporter: { ...exporter, events: ['feature_flag.evaluation'], exposures: ['another_*'] },
  });
  await evaluateAt(MORNING, 'user-1234');
  await arrive(pipeline, { delivered: 1 });
  expect(pipeline.amplitude.events()).toMatchObject([
    { event_type: 'feature_flag.evaluation', event_properties: { 'feature_flag.key': 'dark_mode' } },
  ]);
});

/** A pipeline, and an OpenFeature client whose evaluations go into it. */
async function startEvaluations(options: PipelineOptions = { exporter }): Promise<Pipeline> {
  const pipeline = await startPipeline(options);
  const to = new OTLPLogExporter({ url: `http://127.0.0.1:${pipeline.port}/v1/logs` });
  provider = new LoggerProvider({ processors: [new BatchLogRecordProcessor({ exporter: to })] });
  logs.setGlobalLoggerProvider(provider);
  client = OpenFeature.getClient().addHooks(new EventHook());
  return pipeline;
}

/** What the flag dark_mode is for a user at a time. */
async function evaluateAt(time: string, targetingKey: string): Promise<boolean> {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(time) });
  const value = await client.getBooleanValue('dark_mode', false, { targetingKey });
  vi.useRealTimers();
  return value;
}

/** Waits until these are the outcomes of all records. */
async function arrive(pipeline: Pipeline, expected: Readonly<Record<string, number>>): Promise<void> {
  await provider?.forceFlush();
  const sum = (counts: Readonly<Record<string, number>>): number =>
    Object.values(counts).reduce((total, count) => total + count, 0);
  await until(async () => sum(await pipeline.outcomes()) >= sum(expected), SOON, 'every record has an outcome');
  expect(await pipeline.outcomes()).toEqual(expected);
}
