/** What to do where there is nothing to see yet. */
import { Copy } from '../parts/copy.tsx';

const otlp = (time: number): string =>
  `curl http://127.0.0.1:4318/v1/logs -H 'Content-Type: application/json' -d '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"${time}000000","eventName":"hello.sent","attributes":[{"key":"amplitude.user_id","value":{"stringValue":"user-1234"}}]}]}]}]}'`;

const event = (url: string): string =>
  `curl ${url}/2/httpapi -H 'Content-Type: application/json' -d '{"api_key":"any","events":[{"event_type":"hello.sent","user_id":"user-1234"}]}'`;

export function Empty() {
  return (
    <div class="start">
      <h2>Waiting for events</h2>
      <p>They appear here as they arrive.</p>
      <Command title="A log record, to the collector of make run" text={otlp(Date.now())} />
      <Command title="An event, to this server as to Amplitude" text={event(location.origin)} />
    </div>
  );
}

function Command({ title, text }: { readonly title: string; readonly text: string }) {
  return (
    <>
      <h3>
        {title} <Copy text={() => text} title="Copies the command" />
      </h3>
      <pre class="command">{text}</pre>
    </>
  );
}
