/** How jco bundles the core: a Rolldown configuration. */
import { fileURLToPath } from 'node:url';
import { refuseUnavailable } from './unavailable.ts';

export default {
  // minimatch asks for the platform. jco would answer with its own node:process, which imports a terminal from the host.
  transform: { define: { process: 'undefined' } },
  plugins: [refuseUnavailable(fileURLToPath(new URL('../../../..', import.meta.url)))],
  output: { minify: true },
};
