/** Licence texts of what leaves none behind where it is built in: Rust's crates and C libraries. */

import { readFile } from 'node:fs/promises';

export const APACHE_TEXT = 'Apache-2.0.txt';

export function licenceText(file: string): Promise<string> {
  return readFile(new URL(`licenses/${file}`, import.meta.url), 'utf8');
}
