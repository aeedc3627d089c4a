/** What the picture of the README shows: a few minutes of a product, through the exporter's core. */
import { startMapper } from '../../exporter/core/cli/preview/start-mapper.ts';
import { Outcomes } from '../../scripts/run/outcomes.ts';
import type { Event } from './traffic.ts';

/** When they begin, in milliseconds since the Unix epoch. */
const START = Date.UTC(2026, 0, 5, 10);

const settings = {
  api_key: 'key',
  events: [
    'features.*',
    'billing.*',
    'checkout.*',
    'onboarding.**',
    'page.viewed',
    'feature_flag.evaluation',
    '$groupidentify',
  ],
  exposures: ['new_*'],
  groups: { organisation: 'organisation.name', project: 'project.name' },
};

type Attributes = Readonly<Record<string, unknown>>;

function person(name: string, device: string): Attributes {
  return {
    'amplitude.user_id': `${name}@example.com`,
    'amplitude.device_id': device,
    'amplitude.session_id': START,
    'organisation.name': 'Acme',
  };
}

const ada = person('ada', '6c2f1f0e-6a36-4d1c-9e3e-0e2b1f5f0a11');
const grace = person('grace', '0b9a4e3a-5d57-4c1c-8a41-d1e0f2b7c922');
const lin = person('lin', 'e21d3c1b-77b0-4f0e-9a5e-3b8c5d1f6e33');
const shop = { 'project.name': 'Web shop' };

function evaluation(variant: string): Attributes {
  return {
    'feature_flag.key': 'new_checkout',
    'feature_flag.result.variant': variant,
    'feature_flag.result.reason': 'split',
  };
}

const purchase = { 'amplitude.price': 49.9, 'amplitude.quantity': 2, 'amplitude.product_id': 'mug-blue' };

/** Seconds after the start, the name, and the attributes. */
const records: readonly (readonly [at: number, name: string, attributes: Attributes])[] = [
  [0, '$groupidentify', { ...ada, 'amplitude.group.set.plan': 'enterprise', 'amplitude.group.set.seats': 40 }],
  [9, 'onboarding.environment.first_evaluated', { ...grace, ...shop, environment: 'production' }],
  [21, 'features.flag.created', { ...ada, ...shop, 'feature.name': 'new_checkout', enabled: false }],
  [34, 'page.viewed', { ...lin, path: '/pricing' }],
  [35, 'feature_flag.evaluation', { ...lin, ...evaluation('control') }],
  [48, 'cache.refreshed', { entries: 1_204 }],
  [62, 'page.viewed', { ...grace, path: '/basket' }],
  [63, 'feature_flag.evaluation', { ...grace, ...evaluation('treatment') }],
  [80, 'checkout.completed', { ...grace, ...shop, ...purchase }],
  [96, 'page.viewed', { path: '/pricing' }],
  [118, 'billing.seat.added', { ...ada, 'amplitude.user.set.role': 'admin', seats: 5 }],
  [131, 'features.segment.created', { ...lin, ...shop, 'segment.name': 'eu customers' }],
  [140, 'checkout.completed', { ...lin, ...shop, ...purchase, 'amplitude.price': 'free' }],
  [152, 'page.viewed', { ...ada, path: '/features/new_checkout' }],
  [
    163,
    'features.flag.updated',
    {
      ...ada,
      ...shop,
      'feature.name': 'new_checkout',
      enabled: true,
      rollout: { percent: 12.5, tags: ['beta', 'eu'] },
    },
  ],
  [163, 'features.flag.updated', { ...ada, ...shop, 'feature.name': 'old_checkout', enabled: false }],
  [171, 'billing.invoice.paid', { 'organisation.id': 42, 'organisation.name': 'Acme', currency: 'EUR', total: 480 }],
];

export interface Moment {
  /** In milliseconds since the Unix epoch. */
  readonly at: number;
  /** As OTLP/JSON. */
  readonly request: object;
  /** What becomes of the request's records. */
  readonly outcomesOf: Outcomes['of'];
  /** What the exporter sends for the request. */
  readonly events: readonly Event[];
}

/** Each record in a request of its own, in the order of time. */
export function moments(): Moment[] {
  const mapper = startMapper({ bytes: undefined, settings, arrival: START });
  const { of } = new Outcomes(mapper);
  return records.map(([seconds, eventName, attributes]) => {
    const at = START + seconds * 1_000;
    const record = { eventName, timeUnixNano: `${at}000000`, attributes: listOf(attributes) };
    const resource = { attributes: listOf({ 'service.name': 'flagsmith-api' }) };
    const request = { resourceLogs: [{ resource, scopeLogs: [{ logRecords: [record] }] }] };
    const made = mapper.push(request);
    const events = made.flatMap((outcome) => ('event' in outcome ? [JSON.parse(outcome.event) as Event] : []));
    return { at, request, outcomesOf: of, events };
  });
}

function listOf(attributes: Attributes) {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: otlpOf(value) }));
}

function otlpOf(value: unknown): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number') return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  if (Array.isArray(value)) return { arrayValue: { values: value.map(otlpOf) } };
  return { kvlistValue: { values: listOf(value as Attributes) } };
}
