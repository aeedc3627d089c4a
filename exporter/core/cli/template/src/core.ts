import { decision, defineCore, keep, record, skip } from '@flagsmith/amplitude-core';

/** What events are called in Amplitude. Others keep the names that they have. */
const names = new Map([
  ['user.login', 'User Logged In'],
  ['user.logout', 'User Logged Out'],
]);

export default defineCore({
  name: '{{name}}',
  version: '0.1.0',
  // What the collector's config may say to this core, under `core.options`. A question mark: it may be left out.
  options: { internalDomain: 'string?' },
  mapping: ({ standard, options }) => ({
    // All that the default core does for the collector's config. What follows changes it.
    ...standard,
    eventType: { ...standard.eventType, rename: (name) => names.get(name) ?? name },
    // A field takes the first acceptable value of its sources. The host writes it: this code does not run for a record.
    fields: [...standard.fields, { path: ['event_properties', 'plan_tier'], from: [record('billing.plan')] }],
    // Globs of attributes that never leave the collector.
    omit: [...standard.omit, 'http.request.header.*'],
    decisions: [
      ...standard.decisions,
      // A decision is a pure function of the values that it names, called once for each distinct set of them.
      decision([record('user.email_domain')], ([domain]) =>
        domain !== undefined && domain === options.internalDomain ? skip() : keep(),
      ),
      decision([record('billing.plan'), record('billing.seats')], ([plan, seats]) =>
        plan === 'pro' && Number(seats) > 50 ? keep({ properties: { is_enterprise: true } }) : keep(),
      ),
    ],
  }),
});
