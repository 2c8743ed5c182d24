/** How much memory a gibibyte takes: the task's process with its children, as the kernel counts them. NIGHTJAR_SLOW=1. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundled } from './bundle.ts';
import { run } from './harness.ts';
import { leave, room, type Room } from './room.ts';

const REPO = new URL('../../../', import.meta.url).pathname;
const MIB = 2 ** 20;
/** Of the whole task, in MiB. */
const LIMIT = 256;

describe.runIf(process.env.NIGHTJAR_SLOW === '1')('a gibibyte of DuckDB', () => {
  let here: Room;
  let work: string;
  let child: string;
  const env: Record<string, string> = {};
  beforeAll(async () => {
    here = await room();
    work = await mkdtemp(join(tmpdir(), 'nightjar-memory-'));
    // As the image runs it: in one file, by its own ENV.
    const image = await readFile(join(REPO, 'tasks/Dockerfile'), 'utf8');
    for (const [, name, value] of image.matchAll(/\b(NODE_OPTIONS|MALLOC_\w+)="?([^"\s]+(?: [^"]+)?)"? \\$/gm))
      env[name!] = value!;
    expect(Object.keys(env)).toEqual(['NODE_OPTIONS', 'MALLOC_MMAP_THRESHOLD_']);
    child = await bundled('memory-child', work);
    const random = 'md5(random()::VARCHAR)';
    await run(here.file('big.duckdb'), [
      `CREATE TABLE big AS SELECT i, uuid() AS u, random() AS r, ${random} || ${random} AS t FROM range(17_500_000) r(i)`,
      'CREATE TABLE keyed (id INTEGER PRIMARY KEY, name VARCHAR)',
      "INSERT INTO keyed SELECT i, 'n' || i FROM range(500_000) r(i)",
      'CHECKPOINT',
    ]);
    expect((await stat(here.file('big.duckdb'))).size / MIB).toBeGreaterThan(950);
  }, 900_000);
  afterAll(async () => {
    await leave(here);
    await rm(work, { recursive: true, force: true });
  });

  it.each(['file', 'parquet'] as const)(
    'as %s stays in little memory on its way out and back',
    async (format) => {
      const archive = join(work, `archive-${format}`);
      const vault = await vaultInto(archive);
      try {
        for (const what of ['dump', 'restore'] as const) {
          const mib = await peakOf(env, [
            child,
            ...[what, dirname(dirname(here.server.directory)), 'big.duckdb', format, archive, vault.endpoint],
          ]);
          console.log(`${format}, ${what}: ${mib} MiB at most`);
          expect(mib, what).toBeLessThan(LIMIT);
        }
      } finally {
        vault.stop();
        for (const name of [archive, here.file(`again-${format}.duckdb`)]) await rm(name, { force: true });
      }
    },
    1_800_000,
  );
});

/** Takes the parts of one upload, each of 8 MiB but the last, into a file. */
async function vaultInto(file: string): Promise<{ endpoint: string; stop(): void }> {
  const stored = openSync(file, 'w');
  const server = createServer((request, response) => {
    const part = /partNumber=(\d+)/.exec(request.url ?? '')?.[1];
    let at = (Number(part ?? 1) - 1) * 8 * MIB;
    request.on('data', (chunk: Buffer) => {
      if (part !== undefined) at += writeSync(stored, chunk, 0, chunk.length, at);
    });
    request.on('end', () => {
      if (part !== undefined) response.setHeader('etag', '"part"');
      response.setHeader('x-amz-version-id', 'version');
      response.end(request.method === 'POST' ? '<Answer><UploadId>upload</UploadId></Answer>' : undefined);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop() {
      server.closeAllConnections();
      server.close();
      closeSync(stored);
    },
  };
}

/** Runs it to its good end; the most that it and its children held, each shared page counted once. */
async function peakOf(env: Readonly<Record<string, string>>, args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let words = '';
  child.stderr.on('data', (chunk: Buffer) => (words += chunk.toString()));
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(
      peak,
      treeOf(String(child.pid)).reduce((sum, pid) => sum + pssOf(pid), 0),
    );
  }, 50);
  const [code] = (await once(child, 'exit')) as [number | null];
  clearInterval(timer);
  if (code !== 0) throw new Error(words);
  return Math.round(peak / 1024);
}

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // It has ended meanwhile.
    return '';
  }
};
const pssOf = (pid: string): number => Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
function treeOf(root: string): string[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => [pid, /^PPid:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1]] as const);
  const tree = [root];
  for (const one of tree) tree.push(...parents.filter(([, parent]) => parent === one).map(([pid]) => pid));
  return tree;
}
