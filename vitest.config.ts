import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['exporter/core/**/*.test.ts', 'scripts/**/*.test.ts', 'local-amplitude/**/*.test.ts', 'e2e/**/*.test.ts'],
    // dist has what the package is made of, and template a project's test.
    exclude: ['**/node_modules/**', 'exporter/core/dist*/**', 'exporter/core/cli/template/**'],
    // As many files at a time as there are cores in CI: most of the time a test waits.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 10_000 } },
  },
});
