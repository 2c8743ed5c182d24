/** What tests of faults need: a database to lose, and tools that misbehave. */
import { chmod, mkdir, mkdtemp, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Manifest } from '../../../core/backup.ts';
import { POSTGRES_ROOT } from '../../../local/paths.ts';
import type { RestoreSource } from '../../../tasks/engine.ts';
import { memorySource, type MemoryBackup } from '../../contracts/doubles.ts';
import { ident, withClient } from './harness.ts';
import type { Room } from './room.ts';

/** A few tables; `megabytes` of rows that hardly compress. */
export async function shop({ server }: Room, database: string, megabytes = 0): Promise<void> {
  await server.postgres.query(`CREATE DATABASE ${ident(database)}`);
  await withClient(server.postgres, database, (client) =>
    client.query(`
      CREATE TABLE customers (id serial PRIMARY KEY, name text); INSERT INTO customers (name) SELECT 'c' || i FROM generate_series(1, 500) i;
      CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL REFERENCES customers); INSERT INTO orders SELECT i, i FROM generate_series(1, 300) i;
      CREATE INDEX orders_customer ON orders (customer);
      CREATE TABLE filling (id int, noise text);
      INSERT INTO filling SELECT i, (SELECT string_agg(md5(i::text || j::text), '') FROM generate_series(1, 64) j) FROM generate_series(1, ${megabytes * 512}) i`),
  );
}

/** Tools that pg_dump and its kin are replaced by, for one test. */
export async function fakeTools(major: number, scripts: Readonly<Record<string, string>>): Promise<{ root: string }> {
  const root = await mkdtemp(join(tmpdir(), 'nightjar-tools-'));
  const bin = join(root, String(major), 'bin');
  await mkdir(bin, { recursive: true });
  for (const name of ['pg_dump', 'pg_dumpall', 'pg_restore', 'psql']) {
    const real = join(POSTGRES_ROOT, String(major), 'bin', name);
    const script = scripts[name];
    if (script === undefined) await symlink(real, join(bin, name));
    else {
      await writeFile(join(bin, name), `#!/bin/sh\nREAL=${real}\n${script}\n`);
      await chmod(join(bin, name), 0o755);
    }
  }
  return { root };
}

/** A backup whose archive comes to a halt in the midst of it, as a vault's may. */
export function haltingSource(
  manifest: Manifest,
  backup: MemoryBackup,
): RestoreSource & {
  /** Resolves when all before the halt was taken. */
  readonly halted: Promise<void>;
  /** What comes after it comes now. Until then nothing does. */
  goOn(): void;
} {
  const archive = backup.finished.get('archive')!;
  const half = Math.floor(archive.length / 2);
  let halt: () => void = () => undefined;
  const halted = new Promise<void>((resolve) => (halt = resolve));
  let goOn: () => void = () => undefined;
  const going = new Promise<void>((resolve) => (goOn = resolve));
  return {
    ...memorySource(manifest, backup),
    halted,
    goOn: () => goOn(),
    openArchive() {
      let at = 0;
      return new Readable({
        read(size) {
          const end = at < half ? half : archive.length;
          const chunk = archive.subarray(at, Math.min(at + size, end));
          const give = (): void => void this.push((at += chunk.length) && chunk.length > 0 ? chunk : null);
          if (at !== half) return give();
          halt();
          void going.then(give);
        },
      });
    },
  };
}

/** Tools of an engine that this very process has started and that still run. */
export async function toolsRunning(): Promise<string[]> {
  const found = await Promise.all(
    (await readdir('/proc'))
      .filter((name) => /^\d+$/.test(name))
      .map(async (pid) => {
        const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
        const [, name, parent] = /\((.*)\) \S (\d+) /.exec(stat) ?? [];
        return Number(parent) === process.pid && name !== undefined ? [name] : [];
      }),
  );
  return found.flat().filter((name) => ['psql', 'pg_restore', 'zstd', 'sh'].includes(name));
}
