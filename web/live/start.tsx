/** What to do where there is nothing to see yet. */

const command = (time: number): string =>
  `curl http://127.0.0.1:4318/v1/logs -H 'Content-Type: application/json' -d '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"${time}000000","eventName":"hello.sent","attributes":[{"key":"amplitude.user_id","value":{"stringValue":"user-1234"}}]}]}]}]}'`;

export function Empty() {
  return (
    <div class="start">
      <h2>Waiting for events</h2>
      <p>
        They appear here as they arrive. With <code>make run</code> a collector listens for OTLP on port 4318. Send it a
        log record:
      </p>
      <pre class="command">{command(Date.now())}</pre>
      <p class="faint">Or send events to this server as to Amplitude: POST /2/httpapi.</p>
    </div>
  );
}
