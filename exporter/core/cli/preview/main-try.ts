import { runPreview } from './preview.ts';

process.exitCode = await runPreview(process.argv.slice(2));
