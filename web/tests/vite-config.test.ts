import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'vite';
import { expect, test } from 'vitest';

test.each(['node:fs', 'zlib'])('a page that imports %s is not built', async (module) => {
  const root = mkdtempSync(join(tmpdir(), 'page-'));
  try {
    writeFileSync(join(root, 'index.html'), '<script type="module" src="./main.js"></script>');
    writeFileSync(join(root, 'main.js'), `import * as all from ${JSON.stringify(module)};\nconsole.log(all);\n`);
    const configFile = new URL('../vite.config.ts', import.meta.url).pathname;
    await expect(build({ root, configFile, logLevel: 'silent' })).rejects.toThrow(
      `imports ${module}, which browsers do not have`,
    );
  } finally {
    rmSync(root, { recursive: true });
  }
});
