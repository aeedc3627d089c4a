/** The Collector's own metrics, as its Prometheus endpoint shows them. */

/** Adds to a Collector's config that it shows all its metrics on a port of 127.0.0.1. */
export function withMetrics(config: object, port: number): object {
  const { service = {} } = config as { service?: { telemetry?: object } };
  // As it comes, the reader leaves the names as they are in the Collector: it adds neither types nor units.
  const readers = [{ pull: { exporter: { prometheus: { host: '127.0.0.1', port } } } }];
  return {
    ...config,
    service: { ...service, telemetry: { ...service.telemetry, metrics: { level: 'detailed', readers } } },
  };
}

/**
 * The series of one metric of the Collector that shows its metrics on this port of 127.0.0.1; see `valuesIn`. A metric
 * that has counted nothing yet has none.
 */
export async function metricValues(port: number, name: string): Promise<Map<string, number>> {
  // The endpoint closes a connection that was idle for 5 s, which a request that takes it up again would find out.
  const response = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { connection: 'close' } });
  if (!response.ok) throw new Error(`the metrics are answered with ${response.status}`);
  return valuesIn(await response.text(), name);
}

/**
 * The series of one metric in a text of Prometheus, `name` being without `_total`. A key is the labels in the order of
 * their names, `exporter="amplitude",outcome="delivered"`, without those that say whose metrics they are. Histograms
 * are read by their `_count` and `_sum`; of `_bucket` the last one remains, which holds the count too.
 */
export function valuesIn(text: string, name: string): Map<string, number> {
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    const sample = /^([\w:]+)(?:\{(.*)\})? (\S+)/.exec(line);
    if (sample === null) continue;
    const [, found = '', labels = '', value = ''] = sample;
    if (found !== name && found !== `${name}_total`) continue;
    const key = labelsIn(labels)
      .filter((label) => !/^(service_|otel_scope_|le=)/.test(label))
      .sort()
      .join();
    values.set(key, Number(value.replace('Inf', 'Infinity')));
  }
  return values;
}

/** Adds up the series that have these labels, and any others. 0 where there is none. */
export function sumOf(values: ReadonlyMap<string, number>, labels: Readonly<Record<string, string>> = {}): number {
  const wanted = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  let sum = 0;
  for (const [key, value] of values) {
    const given = labelsIn(key);
    if (wanted.every((label) => given.includes(label))) sum += value;
  }
  return sum;
}

/** Records by outcome and reason, such as `delivered` or `dropped no_identity`, in the series of one exporter. */
export function outcomesIn(records: ReadonlyMap<string, number>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [labels, value] of records) {
    const [, outcome, reason] = /outcome="(\w+)",reason="(\w*)"/.exec(labels) ?? [];
    counts[`${outcome} ${reason}`.trim()] = value;
  }
  return counts;
}

/** Each as `name="value"`. Values may hold commas and escaped quotes. */
function labelsIn(text: string): string[] {
  return text.match(/\w+="(?:[^"\\]|\\.)*"/g) ?? [];
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
