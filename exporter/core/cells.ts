/**
 * Reading a cell: the values of a decision's sources, separated by tabs (wit/core.wit says what stands for what).
 */

/** The JSON texts of a cell's values, '' for a source that had none; trailing ones may be missing. */
export function cellValues(cell: string): string[] {
  return cell.split('\t');
}

/** Whether a value stands for a map or a list that stayed with the host. */
export function isContainer(value: string): boolean {
  return value === '{}' || value === '[]';
}

/** A scalar as text, however it was typed: `7` and `"7"` are both 7. Undefined where there is no scalar. */
export function scalarText(value: string | undefined): string | undefined {
  if (value === undefined || value === '' || value === 'null' || isContainer(value)) return undefined;
  return value.startsWith('"') ? (JSON.parse(value) as string) : value;
}
