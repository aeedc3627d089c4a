/** Small texts of rows. */
import { signal } from '@preact/signals';

const now = signal(Date.now());
setInterval(() => {
  now.value = Date.now();
}, 1_000);

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const whole = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

export function absolute(time: number): string {
  return whole.format(time);
}

function relative(time: number): string {
  const seconds = Math.max(0, Math.round((now.value - time) / 1_000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  return clock.format(time);
}

export function Time({ at }: { readonly at: number }) {
  return (
    <time class="faint" dateTime={new Date(at).toISOString()} title={absolute(at)}>
      {relative(at)}
    </time>
  );
}

const COLOURS = 12;

/** A dot whose colour is the same for the same event type. */
export function Dot({ of }: { readonly of: string }) {
  let hash = 0;
  for (const character of of.split('.', 1)[0] ?? '') hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 9_973;
  return <span class={`dot dot-${hash % COLOURS}`} aria-hidden="true" />;
}

export function bytesText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
