/** The requests to Amplitude's API, and what was answered. */
import { computed } from '@preact/signals';
import { Json } from '../parts/json.tsx';
import { VirtualList } from '../parts/virtual-list.tsx';
import { Close } from './events.tsx';
import { type RequestEntry, requests } from './feed.ts';
import { absolute, bytesText, Time } from './text.tsx';
import { open } from './view.ts';

const opened = computed(() => requests.value.find(({ number }) => String(number) === open.value));

function colourOf(status: number): string {
  if (status >= 200 && status < 300) return 'good';
  return status === 429 ? 'warn' : 'bad';
}

function statusText(status: number): string {
  return status === 0 ? 'no answer' : String(status);
}

export function Requests() {
  return (
    <div class="split" data-open={opened.value !== undefined}>
      <section class="side" aria-label="Requests">
        <VirtualList
          label="Requests, newest first"
          items={requests.value}
          keyOf={({ number }) => String(number)}
          selected={open.value}
          onSelect={({ number }) => {
            open.value = String(number);
          }}
          row={(request) => <RequestRow request={request} />}
          empty="No request yet."
        />
      </section>
      <section class="details" aria-label="Details">
        {opened.value === undefined ? (
          <p class="hint faint">Choose a request to see what was answered.</p>
        ) : (
          <RequestDetails request={opened.value} />
        )}
      </section>
    </div>
  );
}

function RequestRow({ request }: { readonly request: RequestEntry }) {
  const { status, events, duplicates, wireBytes, at } = request;
  return (
    <>
      <span class={`pill ${colourOf(status)}`}>{statusText(status)}</span>
      <span class="name">{events.toLocaleString('en')} events</span>
      {duplicates > 0 ? <span class="pill warn">{duplicates.toLocaleString('en')} duplicates</span> : null}
      {status === 429 ? <span class="pill warn">throttled</span> : null}
      <span class="who faint">{bytesText(wireBytes)}</span>
      <Time at={at} />
    </>
  );
}

function RequestDetails({ request }: { readonly request: RequestEntry }) {
  const { path, status, events, taken, duplicates, wireBytes, bytes, answer, at } = request;
  return (
    <>
      <div class="title">
        <span class={`pill ${colourOf(status)}`}>{statusText(status)}</span>
        <h2 class="grow">POST {path}</h2>
        <Close />
      </div>
      <p class="faint">{absolute(at)}</p>
      <table class="properties">
        <tbody>
          {Object.entries({
            'events in the request': events.toLocaleString('en'),
            taken: taken.toLocaleString('en'),
            'duplicates, discarded': duplicates.toLocaleString('en'),
            'size as sent': bytesText(wireBytes),
            'size after decompression': bytesText(bytes),
          }).map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <h3>Answer</h3>
      {answer === undefined ? <p class="faint">None.</p> : <Json value={answer} />}
    </>
  );
}
