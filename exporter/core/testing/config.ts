import type { Config } from 'flagsmith:amplitude-exporter/types@0.1.0';

/** The config that the host sends when its user set the API key and nothing else, but for what a test changes. */
export function configWith(changes: Partial<Config> = {}): Config {
  return {
    apiKeyBytes: 32,
    api: 'http',
    region: 'us',
    endpoint: '',
    compression: 'gzip',
    events: [],
    userIdAttribute: 'organisation.id',
    userIdPrefix: 'org:',
    userIdOverrideAttribute: 'amplitude.user_id',
    deviceIdAttribute: 'amplitude.device_id',
    sessionIdAttribute: 'amplitude.session_id',
    minIdLength: 5,
    bodyProperty: '',
    resourceAttributes: [],
    scopeAttributes: [],
    maxBatchEvents: 0,
    maxBatchBytes: 0,
    ...changes,
  };
}
