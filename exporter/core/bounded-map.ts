/**
 * A cache of two generations: when the young one is full it becomes the old one, and what the old one held and nobody
 * asked for since is forgotten. Holds at most twice its limit.
 *
 * `young` is public for the one loop that cannot afford a call a record; all others use `get`.
 */
export class BoundedMap<V> {
  young = new Map<string, V>();
  #old = new Map<string, V>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: string): V | undefined {
    const value = this.young.get(key);
    if (value !== undefined) return value;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: string, value: V): void {
    if (this.young.size >= this.#limit) {
      this.#old = this.young;
      this.young = new Map();
    }
    this.young.set(key, value);
  }
}
