/** Memory that stays bounded in long runs. */

/** Removes the first entry of a Map or a Set that is one over its limit. Returns it, or undefined if there is room. */
export function forgetOldest<K>(kept: Map<K, unknown> | Set<K>, most: number): K | undefined {
  if (kept.size <= most) return undefined;
  const [oldest] = kept.keys();
  kept.delete(oldest as K);
  return oldest;
}
