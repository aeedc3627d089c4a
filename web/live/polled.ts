/** What the server is asked for again and again: users and groups as their events left them. */
import { type Signal, signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { rows } from './feed.ts';

/**
 * The JSON at a path, asked for anew when events have come; null where the server has none. Undefined until it has
 * answered, and without a path.
 */
export function usePolled<T>(path: string | undefined): T | null | undefined {
  const answer = answerAt<T>(path ?? '');
  const newest = rows.value[0]?.number;
  useEffect(() => {
    if (path !== undefined) ask(path, answer);
  }, [path, newest]);
  return answer.value;
}

type Answer<T> = Signal<T | null | undefined>;

const answers = new Map<string, Answer<unknown>>();
const MAX_ANSWERS = 50;

/** One a path, so that the answer of before is shown until the next has come. */
function answerAt<T>(path: string): Answer<T> {
  const known = answers.get(path) ?? signal<unknown>(undefined);
  answers.delete(path);
  answers.set(path, known);
  for (const oldest of answers.keys()) {
    if (answers.size <= MAX_ANSWERS) break;
    answers.delete(oldest);
  }
  return known as Answer<T>;
}

/** The paths that the server is being asked for, and whether to ask once more. */
const asking = new Map<string, boolean>();

/** One request at a time for a path: with more, none may be the newest when its answer comes. */
async function ask<T>(path: string, answer: Answer<T>): Promise<void> {
  const isAsking = asking.has(path);
  asking.set(path, isAsking);
  if (isAsking) return;
  try {
    do {
      asking.set(path, false);
      const response = await fetch(path);
      answer.value = response.ok ? ((await response.json()) as T) : null;
    } while (asking.get(path) === true);
  } catch {
    // The server is away, which the page says already: what it has told stays.
  } finally {
    asking.delete(path);
  }
}
