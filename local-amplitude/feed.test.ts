import { describe, expect, it } from 'vitest';
import { Feed } from './feed.ts';

function eventOf(name: string) {
  return { kind: 'event', event: { event_type: name }, isDuplicate: false } as const;
}

function namesOf({ entries }: ReturnType<Feed['after']>): unknown[] {
  return entries.map((entry) => entry.kind === 'event' && entry.event.event_type);
}

describe('a feed', () => {
  it('has what came after a number', () => {
    const feed = new Feed();
    feed.add(eventOf('a'), 1);
    feed.add(eventOf('b'), 2);
    expect(feed.after(0, 0)).toEqual({
      entries: [
        { number: 1, at: 1, ...eventOf('a') },
        { number: 2, at: 2, ...eventOf('b') },
      ],
      last: 2,
      generation: 0,
    });
    expect(namesOf(feed.after(1, 0))).toEqual(['b']);
    expect(feed.after(2, 0)).toMatchObject({ entries: [], last: 2 });
  });

  it('waits until something comes', async () => {
    const feed = new Feed();
    const next = feed.next(0, 0, 60_000);
    feed.add(eventOf('a'));
    feed.add(eventOf('b'));
    expect(namesOf(await next)).toEqual(['a', 'b']);
    expect(namesOf(await feed.next(2, 0, 1))).toEqual([]);
  });

  it('lets all readers go', async () => {
    const feed = new Feed();
    const next = feed.next(0, 0, 60_000);
    feed.wake();
    expect(namesOf(await next)).toEqual([]);
  });

  it('says that all was forgotten, and begins anew', async () => {
    const feed = new Feed();
    feed.add(eventOf('a'));
    const next = feed.next(1, 0, 60_000);
    feed.clear();
    expect(await next).toMatchObject({ entries: [], generation: 1 });
    feed.add(eventOf('b'));
    expect(namesOf(feed.after(1, 0))).toEqual(['b']);
  });

  it('forgets the oldest, and gives the rest a part at a time', () => {
    const feed = new Feed();
    for (let index = 1; index <= 40_000; index++) feed.add(eventOf(String(index)));
    const page = feed.after(0, 0);
    expect(page.entries).toHaveLength(2_000);
    expect(page.entries[0]?.number).toBeGreaterThan(1);
    expect(feed.after(page.last, 0).entries[0]?.number).toBe(page.last + 1);
    expect(feed.after(39_999, 0).entries).toHaveLength(1);
  });
});
