import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it('an upload of a gibibyte takes less than 150 MiB of memory', async () => {
  // Takes everything and keeps nothing.
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      if (request.url?.includes('partNumber')) response.setHeader('etag', '"part"');
      response.setHeader('x-amz-version-id', 'version');
      response.end(request.method === 'POST' ? '<Answer><UploadId>upload</UploadId></Answer>' : undefined);
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  try {
    const child = fileURLToPath(new URL('memory-child.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', child, `http://127.0.0.1:${port}`],
      { env: { PATH: process.env.PATH } },
    );
    const { grownMiB, bytes } = JSON.parse(stdout) as { grownMiB: number; bytes: number };
    expect(bytes).toBe(1024 ** 3);
    expect(grownMiB).toBeLessThan(150);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
