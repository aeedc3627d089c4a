/** The requests to Amplitude's API, and what was answered. */
import { computed } from '@preact/signals';
import { absolute, bytesText, counted, Time } from '../parts/text.tsx';
import { VirtualList } from '../parts/virtual-list.tsx';
import { Close, Part, Split } from './details.tsx';
import { type RequestEntry, requests } from './feed.ts';
import { Filter, Filters, wanted } from './filter.tsx';
import { answer, open } from './view.ts';

const shown = computed(() => {
  const text = wanted(answer);
  if (text === '') return requests.value;
  return requests.value.filter((one) => `${statusText(one.status)} ${errorOf(one)}`.toLowerCase().includes(text));
});

const opened = computed(() => requests.value.find(({ number }) => String(number) === open.value));

function colourOf(status: number): string {
  if (status >= 200 && status < 300) return 'good';
  return status === 429 ? 'warn' : 'bad';
}

function statusText(status: number): string {
  return status === 0 ? 'no answer' : String(status);
}

/** What an answer says is wrong, '' where nothing is. */
function errorOf({ answer: body }: RequestEntry): string {
  if (typeof body !== 'object' || body === null || !('error' in body)) return typeof body === 'string' ? body : '';
  return String(body.error ?? '');
}

export function Requests() {
  return (
    <Split
      label="Requests"
      isOpen={opened.value !== undefined}
      list={
        <>
          <Filters count={shown.value.length.toLocaleString('en')}>
            <Filter of={answer} label="Filter by answer" placeholder="Status or error" isFirst />
          </Filters>
          <VirtualList
            label="Requests, newest first"
            items={shown.value}
            keyOf={({ number }) => String(number)}
            selected={open.value}
            onSelect={({ number }) => {
              open.value = String(number);
            }}
            row={(request) => <RequestRow request={request} />}
            empty={requests.value.length === 0 ? 'No request yet.' : 'No request matches the filter.'}
          />
        </>
      }
    >
      {opened.value === undefined ? (
        <p class="hint faint">Choose a request to see what was answered.</p>
      ) : (
        <RequestDetails request={opened.value} />
      )}
    </Split>
  );
}

function RequestRow({ request }: { readonly request: RequestEntry }) {
  const { status, events, duplicates, wireBytes, at } = request;
  return (
    <>
      <span class={`pill ${colourOf(status)}`}>{statusText(status)}</span>
      <span class="name fixed">{counted(events, 'event')}</span>
      {duplicates > 0 ? <span class="pill warn">{counted(duplicates, 'duplicate')}</span> : null}
      {status === 429 ? <span class="pill warn">throttled</span> : null}
      <span class="error faint">{errorOf(request)}</span>
      <span class="faint size">{bytesText(wireBytes)}</span>
      <Time at={at} />
    </>
  );
}

function RequestDetails({ request }: { readonly request: RequestEntry }) {
  const { path, status, events, taken, duplicates, wireBytes, bytes, answer: body, at } = request;
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
            'of these duplicates, discarded': duplicates.toLocaleString('en'),
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
      {body === undefined ? <h3>No body in the answer</h3> : <Part title="Answer" value={body} />}
    </>
  );
}
