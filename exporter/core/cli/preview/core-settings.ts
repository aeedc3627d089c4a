/** What the exporter's settings say of cores. */

import { sha256 as sha256Of } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { Settings } from './host.ts';

export function coreSettings(settings: Settings): Settings {
  return mapIn(settings.core);
}

export function mapIn(value: unknown): Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Settings) : {};
}

/** The settings as the host takes them: of the core there are the options alone. */
export function withOptions({ core, ...settings }: Settings, options: unknown): Settings {
  // What is no map is named by the host.
  if (core !== undefined && (typeof core !== 'object' || core === null || Array.isArray(core)))
    return { ...settings, core };
  const { file, sha256, shadow, ...rest } = mapIn(core);
  const { options: _, ...unknown } = rest;
  return { ...settings, core: { ...unknown, ...(options === undefined ? {} : { options }) } };
}

/** What is wrong with a core's file where its digest has to be another. */
export function digestFault(wanted: unknown, file: string, bytes: Uint8Array): string | undefined {
  if (wanted === undefined || wanted === '') return undefined;
  const actual = bytesToHex(sha256Of(bytes));
  if (String(wanted).toLowerCase() === actual) return undefined;
  return `core::sha256 is ${String(wanted)}, and ${file} has ${actual}: write that, or put the other file there`;
}
