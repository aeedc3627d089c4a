/** Shows what becomes of log records that a real OpenTelemetry SDK makes. */

import type { Logger } from '@opentelemetry/api-logs';
import { JsonLogsSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { LoggerProvider, type ReadableLogRecord, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs';
import { startHost } from './default-core.ts';
import type { HostOptions, Outcome } from './host.ts';

/** An Amplitude event, such as `{event_type: 'User Logged In', user_id: 'someone', event_properties: {plan: 'pro'}}`. */
export interface AmplitudeEvent {
  readonly event_type?: string;
  readonly event_properties: Readonly<Record<string, unknown>>;
  readonly [key: string]: unknown;
}

/** What becomes of a record: an event, or why there is none. */
export type Seen = AmplitudeEvent | Exclude<Outcome, { event: string }>;

export interface EventsOptions extends Pick<HostOptions, 'config' | 'arrival' | 'version'> {
  /** The attributes of the resource. Default: none. */
  readonly resource?: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  /** The name of the logger, which becomes the scope's name. Default: `test`. */
  readonly logger?: string;
}

/**
 * Returns what becomes of log records that `emit` emits with a logger of the OpenTelemetry SDK for JavaScript, in order:
 *
 *     const core = defineCore({…});
 *     const seen = await events(core, (logger) => logger.emit({ eventName: 'user.login', attributes: { 'amplitude.user_id': 'someone' } }));
 *     expect(seen).toMatchObject([{ event_type: 'User Logged In', user_id: 'someone' }]);
 *
 * An event is a plain object with Amplitude's keys. A record without one is `{outcome: 'skipped'}`,
 * `{outcome: 'sampled_out'}`, or `{outcome: 'dropped', reason: 'no_identity'}`, with an `error` where the core failed.
 * `emit` may be asynchronous. It also gets the provider, for code that makes its own loggers. Throws an Error with every
 * fault of the config.
 */
export async function events(
  core: HostOptions['core'],
  emit: (logger: Logger, provider: LoggerProvider) => unknown,
  { resource = {}, logger = 'test', ...options }: EventsOptions = {},
): Promise<Seen[]> {
  const host = startHost({ ...options, ...(core && { core }) });
  const records: ReadableLogRecord[] = [];
  const exporter = {
    export: (batch: ReadableLogRecord[], done: (result: { code: number }) => void): void => {
      records.push(...batch);
      done({ code: 0 });
    },
    forceFlush: async (): Promise<void> => {},
    shutdown: async (): Promise<void> => {},
  };
  const provider = new LoggerProvider({
    resource: resourceFromAttributes(resource as Record<string, string>),
    processors: [new SimpleLogRecordProcessor({ exporter })],
  });
  await emit(provider.getLogger(logger), provider);
  await provider.forceFlush();
  await provider.shutdown();
  // One request for each record keeps them in order, whatever their scopes.
  return records.flatMap((record) => {
    const request = new TextDecoder().decode(JsonLogsSerializer.serializeRequest([record]));
    return host.push(JSON.parse(request)).map(seenAs);
  });
}

function seenAs(outcome: Outcome): Seen {
  return 'event' in outcome ? (JSON.parse(outcome.event) as AmplitudeEvent) : outcome;
}
