import type { Config } from 'flagsmith:amplitude-exporter/types@0.2.0';
import defaults from './defaults.json' with { type: 'json' };

/**
 * The config that the host sends when its user set the API key and nothing else, but for what a test changes. The
 * defaults are the host's; a test of its compares this file with them.
 */
export function configWith(changes: Partial<Config> = {}): Config {
  return { ...structuredClone(defaults), ...changes };
}
