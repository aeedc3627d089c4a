import { decision, defineCore, keep, record, skip } from '@flagsmith/amplitude-core';

/** The names of events in Amplitude. Other events keep their names. */
const names = new Map([
  ['user.login', 'User Logged In'],
  ['user.logout', 'User Logged Out'],
]);

export default defineCore({
  name: '{{name}}',
  version: '0.1.0',
  // The options that the collector's config may set under `core.options`. With a question mark an option may be
  // missing.
  options: { internalDomain: 'string?' },
  mapping: ({ standard, options }) => ({
    // `standard` is the default core's mapping for the collector's config. The rest changes it.
    ...standard,
    eventType: { ...standard.eventType, rename: (name) => names.get(name) ?? name },
    // A field takes the first acceptable value of its sources. The host writes it, so this code does not run for each
    // record.
    fields: [...standard.fields, { path: ['event_properties', 'plan_tier'], from: [record('billing.plan')] }],
    // Globs of attributes that do not leave the collector.
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
