/**
 * Writes records for tests and measurements, as the Collector's file exporter writes them, to the standard output:
 *
 *     npx tsx exporter/core/cli/preview/testing/generate-main.ts COUNT [SEED] [load]
 */

import { once } from 'node:events';
import { generateLoad, generateRecords } from './generate.ts';

const [count = '1000', seed = '1', kind] = process.argv.slice(2);
const generate = kind === 'load' ? generateLoad : generateRecords;
for (const request of generate(Number(count), Number(seed))) {
  if (!process.stdout.write(`${JSON.stringify(request)}\n`)) await once(process.stdout, 'drain');
}
