/** The field above a list that filters it, and how many there are. */
import type { Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';

export function Filters({ count, children }: { readonly count: string; readonly children: ComponentChildren }) {
  return (
    <div class="filters">
      {children}
      <span class="faint" role="status">
        {count}
      </span>
    </div>
  );
}

interface FilterProps {
  readonly of: Signal<string>;
  readonly label: string;
  /** What the field shows while it is empty. Default: `label`. */
  readonly placeholder?: string;
  /** Whether the key / leads here: one of a view. */
  readonly isFirst?: boolean;
  readonly list?: string;
}

export function Filter({ of, label, placeholder = label, isFirst = false, list }: FilterProps) {
  return (
    <input
      id={isFirst ? 'filter' : undefined}
      type="text"
      placeholder={isFirst ? `${placeholder}  ( / )` : placeholder}
      aria-label={label}
      list={list}
      value={of.value}
      onInput={({ currentTarget }) => {
        of.value = currentTarget.value;
      }}
    />
  );
}

/** What a filter looks for, as it is compared. */
export function wanted(filter: Signal<string>): string {
  return filter.value.trim().toLowerCase();
}
