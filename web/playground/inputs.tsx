/** The left side: records and config. */

import { computed } from '@preact/signals';
import { bytesText } from '../parts/text.tsx';
import { Editor, goToLine } from './editor.tsx';
import { choose, MAX_EDITED, take } from './files.ts';
import { config, exporter, opened, progress, records, result } from './state.ts';

const CONFIG = 'config';

const faults = computed(() => result.value?.faults ?? []);

const faultLines = computed(() => {
  const lines = new Map<number, string>();
  for (const { message, line } of faults.value) {
    if (line === undefined) continue;
    const before = lines.get(line);
    lines.set(line, before === undefined ? message : `${before}\n${message}`);
  }
  return lines;
});

export function Inputs() {
  return (
    <div class="inputs">
      <RecordsPane />
      <ConfigPane />
    </div>
  );
}

function RecordsPane() {
  const of = records.value;
  return (
    <section class="pane" aria-label="Records">
      <div class="pane-bar">
        <h2>OpenTelemetry records</h2>
        <span class="faint">OTLP, or a file of the Collector's file exporter</span>
        <span class="grow" />
        <button type="button" onClick={() => choose('')}>
          Open…
        </button>
      </div>
      {'text' in of ? (
        <Editor
          id="records"
          label="OTLP records"
          value={of.text}
          placeholder="Paste OTLP/JSON here, or drop a file: JSON lines, format: proto, gzip or zstd."
          onInput={typed}
        />
      ) : (
        <div class="file">
          <p>
            <strong>{of.name}</strong> <span class="faint">{bytesText(of.file.size)}</span>
          </p>
          <Progress />
          <button type="button" onClick={() => typed('')}>
            Remove
          </button>
        </div>
      )}
    </section>
  );
}

function typed(text: string): void {
  opened.value = undefined;
  if (text.length > MAX_EDITED) take(new File([text], 'pasted records'));
  else records.value = { text };
}

function Progress() {
  const at = progress.value;
  const of = records.value;
  if (at === undefined || !('file' in of)) return null;
  return (
    <p>
      <progress value={at.bytes} max={of.file.size} /> {at.records.toLocaleString('en')} records
    </p>
  );
}

function ConfigPane() {
  return (
    <section class="pane" aria-label="Config">
      <div class="pane-bar">
        <h2>Config</h2>
        <span class="faint">the exporter's keys, or a whole collector's</span>
        <span class="grow" />
        <ExporterChoice />
        <button type="button" onClick={() => choose('.yaml,.yml')}>
          Open…
        </button>
      </div>
      <Editor
        id={CONFIG}
        label="Config in YAML"
        value={config.value}
        placeholder="events: [billing.*]"
        faults={faultLines.value}
        onInput={(text) => {
          config.value = text;
        }}
      />
      <Faults />
    </section>
  );
}

function ExporterChoice() {
  const names = result.value?.exporters ?? [];
  if (names.length < 2) return null;
  return (
    <select
      aria-label="Exporter"
      value={exporter.value || names[0]}
      onChange={({ currentTarget }) => {
        exporter.value = currentTarget.value;
      }}
    >
      {names.map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  );
}

function Faults() {
  const notices = result.value?.notices ?? [];
  return (
    <ul class="faults" aria-label="Faults" role="status">
      {faults.value.map(({ message, line }) => (
        <li key={message} class="bad">
          {line === undefined ? null : (
            <button type="button" class="link" onClick={() => goToLine(CONFIG, line)}>
              line {line}
            </button>
          )}{' '}
          <span class="message">{message}</span>
        </li>
      ))}
      {faults.value.length > 0
        ? null
        : notices.map((message) => (
            <li key={message} class="warn">
              {message}
            </li>
          ))}
    </ul>
  );
}
