/** Parsed YAML and JSON. */

/** A map. */
export type Json = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Merges values over others as Helm and Compose do: maps are merged, null removes, anything else replaces. */
export function merge(under: unknown, over: unknown): unknown {
  if (!isObject(under) || !isObject(over)) return over;
  const merged: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    if (value === null && key in under) delete merged[key];
    else merged[key] = key in under ? merge(under[key], value) : value;
  }
  return merged;
}
