/**
 * What the engine does as a user without rights, in a process of its own that may be run as another:
 *
 *   node rights-child.mjs MOUNTS SCRATCH ARCHIVE     {"verb": "dump" | "probe" | "new" | "swap" | "overwrite", "database": "…"} on stdin
 *
 * ARCHIVE.json is its manifest. Prints the error's code, detail and hint, or the findings, as JSON.
 */
import { createReadStream, readFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Manifest } from '../../../core/backup.ts';
import { parseDumpTarget } from '../../../core/config.ts';
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import type { EngineContext, RestoreSource } from '../../../tasks/engine.ts';
import { duckdb } from '../../../tasks/engines/duckdb.ts';
import { listeningReporter } from '../../contracts/doubles.ts';

const [mounts, scratch, archive] = process.argv.slice(2);
const { verb, database } = JSON.parse(await text(process.stdin)) as { verb: string; database: string };
const target: EngineContext<'duckdb'>['target'] = parseDumpTarget({
  name: 'shop',
  engine: 'duckdb',
  database,
  storage: { efs: { fileSystem: 'fs-0123456789abcdef0', accessPoint: 'fsap-0123456789abcdef0', directory: 'data' } },
});
const context: EngineContext<'duckdb'> = {
  target,
  login: () => Promise.reject(new Error('A file has no login.')),
  signal: new AbortController().signal,
  report: listeningReporter(),
  scratch: scratch!,
  s3: undefined as never,
  env: { NIGHTJAR_MOUNTS: mounts, PATH: process.env.PATH },
};

async function work(): Promise<unknown> {
  if (verb === 'probe') return (await duckdb.probe(context)).findings;
  if (verb === 'dump')
    return duckdb.dump(context, { open: () => new Writable({ write: (_chunk, _encoding, done) => done() }) });
  const manifest = JSON.parse(readFileSync(`${archive}.json`, 'utf8')) as Manifest;
  const job = { id: '01J0000000000000000000000A', target, mode: verb, database } as RestoreJob;
  const source = { manifest, openArchive: () => createReadStream(archive!) } as unknown as RestoreSource;
  return duckdb.restore(context, job, source);
}

const said = await work().catch((thrown: unknown) =>
  thrown instanceof NightjarError
    ? { code: thrown.code, detail: thrown.detail, hint: thrown.entry.hint }
    : { code: 'not ours', detail: String(thrown) },
);
process.stdout.write(JSON.stringify(said));
