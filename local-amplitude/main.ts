import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type LocalAmplitudeOptions, startLocalAmplitude } from './server.ts';
import type { TlsOptions } from './transport.ts';

const DEFAULT_PORT = 8010;

const help = `A local Amplitude: takes events as Amplitude's HTTP V2 and Batch APIs do, and shows them.

Usage: npx tsx local-amplitude/main.ts [options]

  --port <number>      port to listen on; 0 for any free one (default ${DEFAULT_PORT})
  --host <address>     address to listen on (default 127.0.0.1)
  --api-key <key>      accept this API key only (default: any)
  --throttle <number>  answer 429 where a user or a device sends more events than this in a second; Amplitude's limit
                       is 30 on /2/httpapi and 1000 on /batch (default: no limit)
  --tls-cert <file>    certificate in PEM; with it and its key, HTTPS is spoken in place of HTTP
  --tls-key <file>     the certificate's key in PEM
  --http2              speak HTTP/2 as well, with clients that want it; needs a certificate
  --help               show this and exit

Each accepted event is one line of JSON on standard output. GET /events lists them, GET /users and
GET /groups show what they made of users and groups, DELETE /events forgets all of it.
`;

/** A wrong argument. The message is for the user. */
class UsageError extends Error {}

function optionsFrom(args: readonly string[]): LocalAmplitudeOptions | 'help' {
  const { values } = parseArguments(args);
  if (values.help === true) return 'help';
  const port = values.port ?? String(DEFAULT_PORT);
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new UsageError(`--port is "${port}": write a number from 0 to 65535`);
  }
  const { throttle } = values;
  if (throttle !== undefined && !/^[1-9]\d{0,8}$/.test(throttle)) {
    throw new UsageError(`--throttle is "${throttle}": write a whole number of events a second, from 1`);
  }
  const tls = tlsFrom(values['tls-cert'], values['tls-key']);
  if (values.http2 === true && tls === undefined) throw new UsageError('--http2 needs --tls-cert and --tls-key');
  return {
    host: values.host ?? '127.0.0.1',
    port: Number(port),
    apiKey: values['api-key'],
    tls,
    http2: values.http2,
    limit: throttle === undefined ? undefined : { eventsPerSecond: Number(throttle) },
    onEvent: (event) => process.stdout.write(`${JSON.stringify(event)}\n`),
  };
}

function parseArguments(args: readonly string[]) {
  const type = 'string';
  try {
    return parseArgs({
      args: [...args],
      options: {
        port: { type },
        host: { type },
        'api-key': { type },
        throttle: { type },
        'tls-cert': { type },
        'tls-key': { type },
        http2: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function tlsFrom(certFile: string | undefined, keyFile: string | undefined): TlsOptions | undefined {
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) throw new UsageError('--tls-cert and --tls-key need each other');
  return { cert: textOf(certFile), key: textOf(keyFile) };
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`Cannot read ${file}: ${(error as Error).message}`);
  }
}

/** Says in one line, without a stack, why it cannot listen. */
function startFault(error: unknown, { host, port }: LocalAmplitudeOptions): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'EADDRINUSE'
    ? `Port ${port} on ${host} is taken: stop what listens there, or choose another with --port`
    : `Cannot listen on ${host}, port ${port}: ${message}`;
}

async function main(args: readonly string[]): Promise<void> {
  const options = optionsFrom(args);
  if (options === 'help') {
    process.stdout.write(help);
    return;
  }
  const amplitude = await startLocalAmplitude(options).catch((error: unknown) => {
    throw new UsageError(startFault(error, options));
  });
  // On standard error, because every line of standard output is an event.
  process.stderr.write(`The local Amplitude listens on ${amplitude.url} (open it in a browser; Ctrl-C stops it)\n`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => amplitude.close());
  // The reader of the pipe, such as `head`, has closed it.
  process.stdout.on('error', () => process.exit());
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof UsageError ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
