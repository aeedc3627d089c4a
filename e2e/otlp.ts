/** OTLP over HTTP into a collector on this machine: its config, and requests to it. */

/** A config with an OTLP receiver on a port of 127.0.0.1, and an exporter with these settings behind it. */
export function otlpToAmplitude(port: number, amplitude: object, telemetry: object = {}) {
  return {
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
    exporters: { amplitude },
    service: { pipelines: { logs: { receivers: ['otlp'], exporters: ['amplitude'] } }, telemetry },
  };
}

/** Keeps the exporter's queue in a folder, with these settings of file_storage. */
export function withStorage(config: ReturnType<typeof otlpToAmplitude>, directory: string, settings: object = {}) {
  const { amplitude } = config.exporters as { amplitude: { sending_queue?: object } };
  return {
    ...config,
    extensions: { file_storage: { directory, create_directory: true, ...settings } },
    exporters: { amplitude: { ...amplitude, sending_queue: { ...amplitude.sending_queue, storage: 'file_storage' } } },
    service: { ...config.service, extensions: ['file_storage'] },
  };
}

/** Posts OTLP/JSON, once. Resolves to the status and the text of the answer. */
export async function tryLogs(port: number, json: string | Uint8Array): Promise<{ status: number; said: string }> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/logs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: json,
  });
  // The status is the whole answer, even if the rest of it never comes.
  return { status: response.status, said: await response.text().catch(() => '') };
}

/** Posts OTLP/JSON, which has to be taken. */
export async function postLogs(port: number, json: string | Uint8Array): Promise<void> {
  const { status, said } = await tryLogs(port, json);
  if (status !== 200) throw new Error(`the collector answered ${status}: ${said}`);
}
