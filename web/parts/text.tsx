/** Small texts of rows. */
import { signal } from '@preact/signals';

const now = signal(Date.now());
setInterval(() => {
  now.value = Date.now();
}, 1_000);

const time = { hour: '2-digit', minute: '2-digit', second: '2-digit' } as const;
const day = { day: 'numeric', month: 'short' } as const;
const clock = new Intl.DateTimeFormat('en-GB', time);
const date = new Intl.DateTimeFormat('en-GB', day);
const exact = { fractionalSecondDigits: 3, timeZoneName: 'short' } as const;
const whole = new Intl.DateTimeFormat('en-GB', { ...day, year: 'numeric', ...time, ...exact });

export function absolute(time: number): string {
  return whole.format(time);
}

function relative(time: number): string {
  const seconds = Math.max(0, Math.round((now.value - time) / 1_000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  return seconds < 86_400 ? clock.format(time) : date.format(time);
}

export function Time({ at }: { readonly at: number }) {
  return (
    <time class="faint" dateTime={new Date(at).toISOString()} title={absolute(at)}>
      {relative(at)}
    </time>
  );
}

/** A dot whose colour is the same for event types that begin alike, such as `billing.seat.added` and `billing.paid`. */
export function Dot({ of }: { readonly of: string }) {
  return <span class="dot" style={{ '--hue': hueOf(of.split('.', 1)[0] ?? '') }} aria-hidden="true" />;
}

/** In degrees, by FNV-1a, whose lowest bits are mixed least. */
function hueOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return (hash >>> 7) % 360;
}

/** Such as `1 event` and `1,200 events`. */
export function counted(count: number, what: string): string {
  return `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`;
}

export function bytesText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
