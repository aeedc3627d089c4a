/** A list of rows of one height, of which only those exist that can be seen: ten thousand scroll as ten do. */
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

interface VirtualListProps<Item> {
  readonly label: string;
  readonly items: readonly Item[];
  readonly keyOf: (item: Item) => string | number;
  /** The key of the item that is open. */
  readonly selected: string | number | undefined;
  readonly onSelect: (item: Item) => void;
  readonly row: (item: Item) => ComponentChildren;
  /** What to say where there are none. */
  readonly empty: ComponentChildren;
}

/** Pixels; as in the style sheet. */
const ROW_HEIGHT = 36;
/** Rows above and below those that can be seen, so that scrolling shows no gaps. */
const MARGIN = 8;

const moves: Readonly<Record<string, (index: number, count: number, page: number) => number>> = {
  ArrowDown: (index) => index + 1,
  ArrowUp: (index) => index - 1,
  PageDown: (index, _, page) => index + page,
  PageUp: (index, _, page) => index - page,
  Home: () => 0,
  End: (_, count) => count - 1,
};

export function VirtualList<Item>(props: VirtualListProps<Item>) {
  const { label, items, keyOf, selected, onSelect, row, empty } = props;
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  // The newest items come first: who has scrolled down keeps seeing the same ones.
  const firstKey = useRef<string | number | undefined>(undefined);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    const before = firstKey.current;
    firstKey.current = items[0] === undefined ? undefined : keyOf(items[0]);
    const element = box.current;
    if (element === null || before === undefined || element.scrollTop < ROW_HEIGHT) return;
    const moved = items.findIndex((item) => keyOf(item) === before);
    if (moved > 0) element.scrollTop += moved * ROW_HEIGHT;
  }, [items]);

  const selectedIndex = items.findIndex((item) => keyOf(item) === selected);
  // Keys go on from the item that was selected last, also when it was closed.
  const lastKey = useRef(selected);
  if (selectedIndex >= 0) lastKey.current = selected;
  const show = (index: number): void => {
    const element = box.current;
    if (element === null) return;
    const start = index * ROW_HEIGHT;
    if (start < element.scrollTop) element.scrollTop = start;
    else if (start + ROW_HEIGHT > element.scrollTop + element.clientHeight) {
      element.scrollTop = start + ROW_HEIGHT - element.clientHeight;
    }
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const move = moves[event.key];
    if (move === undefined || items.length === 0) return;
    event.preventDefault();
    const from = items.findIndex((item) => keyOf(item) === lastKey.current);
    const wanted = move(from, items.length, Math.floor(height / ROW_HEIGHT));
    const index = Math.min(Math.max(wanted, 0), items.length - 1);
    const item = items[index];
    if (item === undefined) return;
    onSelect(item);
    show(index);
  };

  const first = Math.max(0, Math.floor(top / ROW_HEIGHT) - MARGIN);
  const last = Math.min(items.length, Math.ceil((top + height) / ROW_HEIGHT) + MARGIN);
  return (
    <div
      class="list"
      role="listbox"
      aria-label={label}
      aria-activedescendant={selectedIndex < 0 ? undefined : `row-${selected}`}
      tabIndex={0}
      ref={box}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      onKeyDown={onKeyDown}
    >
      {items.length === 0 ? <div class="empty">{empty}</div> : null}
      <div class="space" style={{ height: `${items.length * ROW_HEIGHT}px` }}>
        {items.slice(first, last).map((item, index) => {
          const key = keyOf(item);
          return (
            <div
              key={key}
              id={`row-${key}`}
              role="option"
              tabIndex={-1}
              aria-selected={key === selected}
              aria-setsize={items.length}
              aria-posinset={first + index + 1}
              class="row"
              style={{ transform: `translateY(${(first + index) * ROW_HEIGHT}px)` }}
              onMouseDown={() => onSelect(item)}
            >
              {row(item)}
            </div>
          );
        })}
      </div>
    </div>
  );
}
