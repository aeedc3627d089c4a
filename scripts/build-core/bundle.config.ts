/** How jco bundles the core: a Rolldown configuration. */
export default {
  // minimatch asks for the platform. jco would answer with its own node:process, which imports a terminal from the host.
  transform: { define: { process: 'undefined' } },
  output: { minify: true },
};
