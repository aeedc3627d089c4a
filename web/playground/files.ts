/** Files that are dropped or chosen: records, a config, or a core. What they are is told by how they begin. */

import { compares, config, notice, opened, ownCore, records } from './state.ts';

/** Characters of records that fit into an editor; more are kept as a file. */
export const MAX_EDITED = 300_000;

/** Bytes by which a file that is larger is no config. */
const MAX_CONFIG = 1_000_000;

let cores = 0;

export async function take(file: File): Promise<void> {
  notice.value = '';
  const head = new Uint8Array(await file.slice(0, 4).arrayBuffer());
  if (file.name.endsWith('.wasm') || isWasm(head)) await takeCore(file);
  else if (/\.ya?ml$/i.test(file.name)) await takeConfig(file);
  else await takeRecords(file);
}

function isWasm([a, b, c, d]: Uint8Array): boolean {
  return a === 0 && b === 0x61 && c === 0x73 && d === 0x6d;
}

async function takeCore(file: File): Promise<void> {
  compares.value = true;
  ownCore.value = { id: ++cores, file: file.name, bytes: new Uint8Array(await file.arrayBuffer()) };
}

async function takeConfig(file: File): Promise<void> {
  if (file.size > MAX_CONFIG) notice.value = `${file.name} has more than 1 MB: that is no config.`;
  else config.value = await file.text();
}

/** Text that is short is edited, anything else stays a file, which is read as a stream. */
async function takeRecords(file: File): Promise<void> {
  opened.value = undefined;
  if (file.size <= MAX_EDITED) {
    const text = await file.text();
    if (/^\ufeff?\s*\{/.test(text) && !text.includes('\ufffd')) {
      records.value = { text };
      return;
    }
  }
  records.value = { file, name: file.name };
}

/** Takes files that are dropped anywhere on the page. */
export function listenToDrops(onOver: (isOver: boolean) => void): void {
  addEventListener('dragover', (event) => {
    event.preventDefault();
    onOver(true);
  });
  addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) onOver(false);
  });
  addEventListener('drop', (event) => {
    onOver(false);
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    for (const file of files) take(file);
  });
}

/** Asks for a file. */
export function choose(accept: string): void {
  const input = document.createElement('input');
  input.type = 'file';
  input.accept = accept;
  input.addEventListener('change', () => {
    for (const file of input.files ?? []) take(file);
  });
  input.click();
}
