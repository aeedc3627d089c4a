/** Events as the exporter sends them, for the tests of the live page and its pictures. */
import type { LocalAmplitude } from '../../local-amplitude/server.ts';

export type Event = Readonly<Record<string, unknown>>;

const LIBRARY = 'flagsmith-otel-collector/0.1.0';

let sent = 0;

export function event(event_type: string, rest: Event): Event {
  sent += 1;
  const insert_id = sent.toString(16).padStart(32, '0');
  return { event_type, time: Date.now(), insert_id, library: LIBRARY, ...rest };
}

export async function send(amplitude: LocalAmplitude, events: readonly Event[]): Promise<number> {
  const { status } = await fetch(`${amplitude.url}/2/httpapi`, {
    method: 'POST',
    // A test that stops the server would get the connection of the one before.
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({ api_key: 'key', events }),
  });
  return status;
}

/** What a product looks like that has flags, seats and a checkout. */
export function product(): Event[] {
  const ada = {
    user_id: 'ada@example.com',
    device_id: '6c2f1f0e-6a36-4d1c-9e3e-0e2b1f5f0a11',
    session_id: 1767607200000,
  };
  const grace = { user_id: 'grace@example.com', device_id: '0b9a4e3a-5d57-4c1c-8a41-d1e0f2b7c922' };
  const acme = { groups: { organisation: 'Acme', project: 'Web shop' } };
  return [
    event('$groupidentify', {
      user_id: 'ada@example.com',
      groups: { organisation: 'Acme' },
      group_properties: { $set: { plan: 'enterprise', seats: 40, region: 'eu' } },
    }),
    event('onboarding.environment.first_evaluated', {
      ...grace,
      ...acme,
      event_properties: { environment: 'production' },
    }),
    event('features.flag.created', {
      ...ada,
      ...acme,
      user_properties: { $set: { plan: 'scale', role: 'admin' }, $setOnce: { 'signup.source': 'github' } },
      event_properties: { 'feature.name': 'new_checkout', enabled: false, tags: ['beta', 'checkout'] },
    }),
    event('$exposure', { ...grace, event_properties: { flag_key: 'new_checkout', variant: 'treatment' } }),
    event('page.viewed', {
      ...grace,
      platform: 'Web',
      os_name: 'Mac OS X',
      language: 'en-GB',
      app_version: '4.12.0',
      event_properties: { path: '/basket', 'http.status': 200 },
    }),
    event('billing.seat.added', {
      ...ada,
      ...acme,
      user_properties: { $add: { seats: 5 } },
      event_properties: { seats: 5 },
    }),
    event('checkout.completed', {
      ...grace,
      ...acme,
      price: 49.9,
      quantity: 2,
      productId: 'mug-blue',
      event_properties: { coupon: null, items: [{ sku: 'mug-blue', count: 2 }] },
    }),
    event('features.flag.updated', {
      ...ada,
      ...acme,
      event_properties: {
        'feature.name': 'new_checkout',
        enabled: true,
        rollout: { percent: 12.5, segment: 'eu customers' },
      },
    }),
  ];
}
