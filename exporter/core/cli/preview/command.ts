import type { Command } from '../command.ts';
import { HELP } from './options.ts';
import { runPreview } from './preview.ts';

export const preview: Command = { help: HELP, run: (args) => runPreview(args) };
