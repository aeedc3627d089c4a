/** A text area with line numbers, which marks the lines that are at fault. */

import { useLayoutEffect, useRef } from 'preact/hooks';

interface EditorProps {
  readonly id: string;
  readonly label: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
  /** What is wrong on which line. */
  readonly faults?: ReadonlyMap<number, string>;
  readonly placeholder: string;
}

export function Editor({ id, label, value, onInput, faults, placeholder }: EditorProps) {
  const numbers = useRef<HTMLDivElement>(null);
  const area = useRef<HTMLTextAreaElement>(null);
  const follow = (): void => {
    if (numbers.current && area.current) numbers.current.scrollTop = area.current.scrollTop;
  };
  useLayoutEffect(follow, [value]);
  return (
    <div class="editor">
      <div class="numbers" aria-hidden="true" ref={numbers}>
        {Array.from({ length: value.split('\n').length }, (_, index) => {
          const fault = faults?.get(index + 1);
          return (
            <span key={index} class={fault === undefined ? undefined : 'bad'} title={fault}>
              {index + 1}
              {'\n'}
            </span>
          );
        })}
      </div>
      <textarea
        id={id}
        ref={area}
        aria-label={label}
        aria-invalid={faults !== undefined && faults.size > 0}
        spellcheck={false}
        autocomplete="off"
        autocapitalize="off"
        wrap="off"
        placeholder={placeholder}
        value={value}
        onInput={({ currentTarget }) => onInput(currentTarget.value)}
        onScroll={follow}
      />
    </div>
  );
}

/** Puts the cursor on a line, and shows it. */
export function goToLine(id: string, line: number): void {
  const area = document.getElementById(id) as HTMLTextAreaElement;
  const lines = area.value.split('\n');
  const start = lines.slice(0, line - 1).reduce((sum, { length }) => sum + length + 1, 0);
  area.focus();
  area.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
  area.scrollTop = (line - 4) * Number.parseFloat(getComputedStyle(area).lineHeight);
}
