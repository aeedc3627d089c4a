/** Which core decides, and what there is to know of a link's core. */

import { choose } from './files.ts';
import { compares, isWaiting, ownCore, result, wantedCore } from './state.ts';

const short = (sha256: string): string => sha256.slice(0, 12);

export function CoreChoice() {
  const given = ownCore.value;
  const used = result.value?.core;
  if (given === undefined) {
    return (
      <button type="button" onClick={() => choose('.wasm')} title="A core.wasm that amplitude-core build has made">
        Use your own core…
      </button>
    );
  }
  return (
    <span class="core">
      <span class="pill" title={used?.sha256}>
        {used === undefined ? given.file : `${used.name}, ${short(used.sha256)}`}
      </span>
      <label>
        <input
          type="checkbox"
          checked={compares.value}
          onChange={({ currentTarget }) => {
            compares.value = currentTarget.checked;
          }}
        />{' '}
        compare with the default core
      </label>
      <button type="button" onClick={useDefault}>
        Use the default core
      </button>
    </span>
  );
}

function useDefault(): void {
  ownCore.value = undefined;
  wantedCore.value = undefined;
}

export function CoreBanner() {
  const wanted = wantedCore.value;
  if (wanted === undefined) return null;
  const { file, name, sha256 } = wanted;
  const used = result.value?.core;
  if (isWaiting.value) {
    return (
      <p class="banner" role="status">
        This link was made with the core <strong>{name}</strong> ({file}, SHA-256 {short(sha256)}…), which does not fit
        into a link.{' '}
        <button type="button" onClick={() => choose('.wasm')}>
          Open {file}…
        </button>{' '}
        <button type="button" onClick={useDefault}>
          Use the default core
        </button>
      </p>
    );
  }
  if (used === undefined || used.sha256 === sha256 || result.value?.faults.length) return null;
  return (
    <p class="banner warn" role="status">
      This is another core than the link's: it is {used.name}, SHA-256 {short(used.sha256)}…, and the link was made with{' '}
      {name}, SHA-256 {short(sha256)}…
    </p>
  );
}
