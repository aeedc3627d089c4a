/** Memory that stays bounded in long runs. */

/** Takes what came first out of a Map or a Set that holds too much by one. Returns it; undefined where there is room. */
export function forgetOldest<K>(kept: Map<K, unknown> | Set<K>, most: number): K | undefined {
  if (kept.size <= most) return undefined;
  const [oldest] = kept.keys();
  kept.delete(oldest as K);
  return oldest;
}
