/** Makes values for a core's options, for commands without a config. */

const empty: Readonly<Record<string, unknown>> = { string: '', number: 0, boolean: false, strings: [] };

/** Empty values for the required options, by the types of all options. */
export function emptyOptions(types: Readonly<Record<string, string>>): Record<string, unknown> {
  const required = Object.entries(types).filter(([, type]) => !type.endsWith('?'));
  return Object.fromEntries(required.map(([name, type]) => [name, empty[type]]));
}
