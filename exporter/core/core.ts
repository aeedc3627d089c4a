/** The default core: the one that comes with the exporter. */
import { defineCore } from './define-core.ts';

export default defineCore({
  name: 'default',
  version: '0.2.0',
  mapping: ({ standard }) => standard,
});
