/** What two cores make of a record, key by key. */

import type { Difference } from '../../exporter/core/cli/preview/differences.ts';

interface DifferenceTableProps {
  readonly differences: readonly Difference[];
  /** The names of the cores. */
  readonly from: string;
  readonly to: string;
}

export function DifferenceTable({ differences, from, to }: DifferenceTableProps) {
  if (differences.length === 0) return <p class="good">Both cores make the same of it.</p>;
  return (
    <table class="differences" aria-label="Differences">
      <thead>
        <tr>
          <th scope="col">What differs</th>
          <th scope="col">{from}</th>
          <th scope="col">{to}</th>
        </tr>
      </thead>
      <tbody>
        {differences.map(({ key, from: before, to: after }) => (
          <tr key={key}>
            <th scope="row">{key}</th>
            <td class={before === undefined ? 'faint' : 'bad'}>{before ?? 'nothing'}</td>
            <td class={after === undefined ? 'faint' : 'good'}>{after ?? 'nothing'}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
