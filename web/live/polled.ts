/** What the server is asked for again and again: users and groups as their events left them. */
import { type Signal, signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { rows } from './feed.ts';

/**
 * The JSON at a path, asked for anew when events have come; undefined until there is one, where there is none,
 * and where there is no path.
 */
export function usePolled<T>(path: string | undefined): T | undefined {
  const answer = useSignalOf<T>(path ?? '');
  const newest = rows.value[0]?.number;
  useEffect(() => {
    let isCurrent = true;
    const ask = async (): Promise<void> => {
      if (path === undefined) return;
      const response = await fetch(path).catch(() => undefined);
      const value = response?.ok ? ((await response.json()) as T) : undefined;
      if (isCurrent) answer.value = value;
    };
    ask();
    return () => {
      isCurrent = false;
    };
  }, [path, newest]);
  return answer.value;
}

const answers = new Map<string, Signal<unknown>>();
const MAX_ANSWERS = 50;

/** One a path, so that the answer of before is shown until the next has come. */
function useSignalOf<T>(path: string): Signal<T | undefined> {
  const known = answers.get(path) ?? signal<unknown>(undefined);
  answers.delete(path);
  answers.set(path, known);
  for (const oldest of answers.keys()) {
    if (answers.size <= MAX_ANSWERS) break;
    answers.delete(oldest);
  }
  return known as Signal<T | undefined>;
}
