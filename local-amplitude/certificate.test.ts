import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import { expect, it } from 'vitest';
import { makeCertificate } from './certificate.ts';

it('is trusted by who trusts it, for 127.0.0.1 and localhost', async () => {
  const { cert, key, remove } = await makeCertificate();
  await remove();
  const server = createServer({ cert, key }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    for (const name of ['127.0.0.1', 'localhost']) {
      const socket = connect({ port, host: '127.0.0.1', ca: cert, ...(name === 'localhost' && { servername: name }) });
      await once(socket, 'secureConnect');
      expect(socket.authorized).toBe(true);
      socket.destroy();
    }
    const stranger = connect({ port, host: '127.0.0.1' });
    await expect(once(stranger, 'secureConnect')).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  } finally {
    server.close();
  }
});

it('is valid now, and for some time', async () => {
  const { cert, remove } = await makeCertificate();
  await remove();
  const { validFrom, validTo } = new X509Certificate(cert);
  expect(Date.parse(validFrom)).toBeLessThan(Date.now());
  expect(Date.parse(validTo)).toBeGreaterThan(Date.now() + 30 * 86_400_000);
});

it('lies in files that can be removed', async () => {
  const { cert, key, certFile, keyFile, remove } = await makeCertificate();
  expect(await readFile(certFile, 'utf8')).toBe(cert);
  expect(await readFile(keyFile, 'utf8')).toBe(key);
  await remove();
  await expect(readFile(keyFile)).rejects.toMatchObject({ code: 'ENOENT' });
});
