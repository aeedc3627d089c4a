#!/usr/bin/env node
// `npm create @flagsmith/amplitude-core acme` is `amplitude-core init acme`.
import { run } from '@flagsmith/amplitude-core/cli';

process.exitCode = await run(['init', ...process.argv.slice(2)]);
