/** Reads a cell: the values of a decision's sources, separated by tabs. wit/core.wit defines the format. */

/** The JSON texts of a cell's values, '' for a source without a value. Trailing ones may be missing. */
export function cellValues(cell: string): string[] {
  return cell.split('\t');
}

/** Whether a value stands for a map or a list that stayed with the host. */
export function isContainer(value: string): boolean {
  return value === '{}' || value === '[]';
}

/** A scalar as text, whatever its type: `7` and `"7"` both become `7`. Undefined if the value is not a scalar. */
export function scalarText(value: string | undefined): string | undefined {
  if (value === undefined || value === '' || value === 'null' || isContainer(value)) return undefined;
  return value.startsWith('"') ? (JSON.parse(value) as string) : value;
}
