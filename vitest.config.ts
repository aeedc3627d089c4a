import { defineConfig } from 'vitest/config';

// dist has what the package is made of, and template a project's test.
const exclude = ['**/node_modules/**', 'exporter/core/dist*/**', 'exporter/core/cli/template/**'];

export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'code',
          include: [
            'exporter/core/**/*.test.ts',
            'scripts/**/*.test.ts',
            'local-amplitude/**/*.test.ts',
            'e2e/**/*.test.ts',
          ],
          exclude,
        },
      },
      // A project of its own, since only these tests need a browser.
      {
        extends: true,
        test: { name: 'pages', include: ['web/**/*.test.ts'], exclude, globalSetup: ['web/tests/browser.ts'] },
      },
    ],
    // As many files at a time as there are cores in CI: most of the time a test waits.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 10_000 } },
  },
});
