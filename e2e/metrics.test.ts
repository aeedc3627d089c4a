import { describe, expect, it } from 'vitest';
import { startLocalAmplitude } from '../local-amplitude/server.ts';
import { freePort, startCollector } from '../scripts/collector.ts';
import { metricValues, sumOf, valuesIn, withMetrics } from './metrics.ts';
import { otlpToAmplitude, postLogs } from './otlp.ts';

const sample = String.raw`# HELP otelcol_exporter_amplitude_records Records by what became of them. [Alpha]
# TYPE otelcol_exporter_amplitude_records counter
otelcol_exporter_amplitude_records{exporter="amplitude",outcome="delivered",reason=""} 12
otelcol_exporter_amplitude_records{reason="no, {really} = \"odd\"} 9 \\",outcome="dropped",exporter="amplitude/b"} 3
otelcol_exporter_amplitude_records{exporter="amplitude/b",outcome="dropped",reason="no_id"} 4
# TYPE otelcol_exporter_queue_batch_send_size histogram
otelcol_exporter_queue_batch_send_size_bucket{exporter="amplitude",le="10"} 0
otelcol_exporter_queue_batch_send_size_bucket{exporter="amplitude",le="+Inf"} 2
otelcol_exporter_queue_batch_send_size_sum{exporter="amplitude"} 1201
otelcol_exporter_queue_batch_send_size_count{exporter="amplitude"} 2
# TYPE otelcol_exporter_queue_size gauge
otelcol_exporter_queue_size{data_type="logs",exporter="amplitude",otel_scope_name="a/b",otel_scope_version="",service_name="c"} 7
# TYPE otelcol_exporter_sent_log_records_total counter
otelcol_exporter_sent_log_records_total{exporter="amplitude"} 5 1760000000000
otelcol_process_memory_rss 1.24592128e+08
otelcol_made_up{n="1"} +Inf
otelcol_made_up{n="2"} -Inf
otelcol_made_up{n="3"} NaN
`;

const odd = String.raw`exporter="amplitude/b",outcome="dropped",reason="no, {really} = \"odd\"} 9 \\"`;

describe('a text of Prometheus', () => {
  it.each<[string, Record<string, number>]>([
    [
      'otelcol_exporter_amplitude_records',
      {
        'exporter="amplitude",outcome="delivered",reason=""': 12,
        [odd]: 3,
        'exporter="amplitude/b",outcome="dropped",reason="no_id"': 4,
      },
    ],
    ['otelcol_exporter_queue_batch_send_size', {}],
    ['otelcol_exporter_queue_batch_send_size_bucket', { 'exporter="amplitude"': 2 }],
    ['otelcol_exporter_queue_batch_send_size_sum', { 'exporter="amplitude"': 1201 }],
    ['otelcol_exporter_queue_batch_send_size_count', { 'exporter="amplitude"': 2 }],
    ['otelcol_exporter_queue_size', { 'data_type="logs",exporter="amplitude"': 7 }],
    ['otelcol_exporter_sent_log_records', { 'exporter="amplitude"': 5 }],
    ['otelcol_process_memory_rss', { '': 124_592_128 }],
    ['otelcol_made_up', { 'n="1"': Number.POSITIVE_INFINITY, 'n="2"': Number.NEGATIVE_INFINITY, 'n="3"': Number.NaN }],
    ['otelcol_exporter', {}],
  ])('has the series of %s', (name, expected) => {
    expect(Object.fromEntries(valuesIn(sample, name))).toEqual(expected);
  });

  it.each<[Record<string, string> | undefined, number]>([
    [undefined, 19],
    [{ outcome: 'dropped' }, 7],
    [{ outcome: 'dropped', reason: 'no_id' }, 4],
    [{ reason: '' }, 12],
    [{ exporter: 'amplitude' }, 12],
    [{ reason: 'no, {really} = "odd"} 9 \\' }, 3],
    [{ outcome: 'skipped' }, 0],
    [{ other: '' }, 0],
  ])('has a sum over %j', (labels, sum) => {
    expect(sumOf(valuesIn(sample, 'otelcol_exporter_amplitude_records'), labels)).toBe(sum);
  });
});

it('a collector shows its metrics, until it is killed', async () => {
  const amplitude = await startLocalAmplitude();
  const port = await freePort();
  const metricsPort = await freePort();
  const exporter = { api_key: 'key', endpoint: `${amplitude.url}/2/httpapi`, events: ['wanted'] };
  const config = otlpToAmplitude(port, exporter, { logs: { level: 'warn' } });
  const collector = await startCollector(withMetrics(config, metricsPort));
  try {
    const attributes = [{ key: 'amplitude.user_id', value: { stringValue: 'user-1234' } }];
    const logRecords = ['wanted', 'wanted', 'unwanted'].map((eventName) => ({ eventName, attributes }));
    await postLogs(port, JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] }));

    const records = () => metricValues(metricsPort, 'otelcol_exporter_amplitude_records');
    await expect.poll(async () => sumOf(await records())).toBe(3);
    expect(sumOf(await records(), { exporter: 'amplitude', outcome: 'delivered' })).toBe(2);
    // The Collector has this one only where the level is detailed.
    const bytes = await metricValues(metricsPort, 'otelcol_exporter_queue_batch_send_size_bytes_count');
    expect(bytes).toEqual(new Map([['exporter="amplitude"', 1]]));
    // Logs stay as they were configured.
    expect(collector.log()).not.toContain('\tinfo\t');

    expect(() => process.kill(collector.pid, 0)).not.toThrow();
    await collector.kill();
    expect(() => process.kill(collector.pid, 0)).toThrow('ESRCH');
    expect(await collector.ended).toBeNull();
    await expect(records()).rejects.toThrow();
  } finally {
    await collector.kill();
    await amplitude.close();
  }
});
