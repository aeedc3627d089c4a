/** Posts OTLP/JSON to the OTLP receiver on a port of this machine. */
export async function postLogs(port: number, json: string): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/logs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: json,
  });
  if (!response.ok) throw new Error(`the collector answered ${response.status}: ${await response.text()}`);
}
