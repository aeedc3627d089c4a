/** Options of a core, where nobody has said what they are. */

const empty: Readonly<Record<string, unknown>> = { string: '', number: 0, boolean: false, strings: [] };

/** Empty values of the options that are required, by the types of all. */
export function emptyOptions(types: Readonly<Record<string, string>>): Record<string, unknown> {
  const required = Object.entries(types).filter(([, type]) => !type.endsWith('?'));
  return Object.fromEntries(required.map(([name, type]) => [name, empty[type]]));
}
