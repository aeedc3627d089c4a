/**
 * Makes a certificate for tests of TLS. It is made anew each time, so the repository keeps no key, and no certificate
 * expires.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';

/** A self-signed certificate for 127.0.0.1, ::1 and localhost. A client that trusts it as a root trusts its server. */
export interface Certificate {
  /** PEM. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** Deletes the files. */
  remove(): Promise<void>;
}

/** Makes one, in a temporary folder of its own. */
export async function makeCertificate(): Promise<Certificate> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
    // Faster to make than RSA.
    keyType: 'ec',
    algorithm: 'sha256',
    // The reader's clock may be a little behind.
    notBeforeDate: new Date(Date.now() - 3_600_000),
    extensions: [
      // It is its own root, and clients require that a root is an authority.
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyCertSign: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
          { type: 2, value: 'localhost' },
        ],
      },
    ],
  });
  const folder = await mkdtemp(join(tmpdir(), 'local-amplitude-'));
  const certFile = join(folder, 'cert.pem');
  const keyFile = join(folder, 'key.pem');
  await Promise.all([writeFile(certFile, cert), writeFile(keyFile, key, { mode: 0o600 })]);
  return { cert, key, certFile, keyFile, remove: () => rm(folder, { recursive: true }) };
}
