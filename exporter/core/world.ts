/** The default core as the world of wit/core.wit. */
import core from './core.ts';
import { exportsOf } from './define-core.ts';

export const { validate, configure, treatAttributes, placeAttributes, decide, divide, classify } = exportsOf(core);
