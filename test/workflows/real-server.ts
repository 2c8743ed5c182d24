/** Tasks that are the real engine on a real PostgreSQL, run in this process over the vault in memory. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import type { Manifest } from '../../core/backup.ts';
import { NightjarError } from '../../core/errors.ts';
import type { DumpJob } from '../../core/job.ts';
import { manifestKey, objectKey } from '../../core/names.ts';
import type { DumpFacts, Engine, EngineContext } from '../../tasks/engine.ts';
import { postgres } from '../../tasks/engines/postgres.ts';
import { runJob } from '../../tasks/run.ts';
import { Secrecy } from '../../tasks/secrecy.ts';
import { NO_S3 } from '../contracts/engine-bench.ts';
import { listeningReporter, manifestOf, memoryBackup, type MemoryBackup } from '../contracts/doubles.ts';
import type { World } from '../lambdas/support/world.ts';
import { succeed } from '../lambdas/support/world.ts';
import { withClient, type PostgresServer } from '../tasks/postgres/harness.ts';
import { QUICK } from '../tasks/support.ts';
import type { Place } from './fake-server.ts';
import { STOPS, type RunTask, type TaskRun } from './calls.ts';

const DATA = `CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL);
  CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL REFERENCES customers, note text);
  INSERT INTO customers SELECT i, 'customer ' || i FROM generate_series(1, 20) i;
  INSERT INTO orders SELECT i, 1 + i % 20, md5(i::text) FROM generate_series(1, 200) i;`;
const MISHAP = `DELETE FROM orders WHERE id % 3 = 0; UPDATE customers SET name = 'lost' WHERE id < 5;
  INSERT INTO customers VALUES (1000, 'came after the backup')`;
const WORD = `SELECT md5((SELECT string_agg(c::text, ',' ORDER BY id) FROM customers c)
  || (SELECT string_agg(o::text, ',' ORDER BY id) FROM orders o)) AS word`;

export interface Dumped {
  readonly facts: DumpFacts;
  readonly backup: MemoryBackup;
  readonly word: string;
}

/** One server for many worlds, each with a database of its own. */
export class RealServer {
  readonly #server: PostgresServer;
  #databases = 0;
  /** Of the database `shop` before its mishap. */
  first: Dumped | undefined;

  constructor(server: PostgresServer) {
    this.#server = server;
  }

  /** Makes the database, dumps it, and lets the mishap happen: what every case begins with. */
  async prepare(): Promise<void> {
    await this.#server.postgres.query('CREATE DATABASE shop');
    await withClient(this.#server.postgres, 'shop', (client) => client.query(DATA));
    this.first = await this.dump('shop');
    await withClient(this.#server.postgres, 'shop', (client) => client.query(MISHAP));
  }

  /** A copy of the database after the mishap. */
  async copy(): Promise<string> {
    const name = `shop${(this.#databases += 1)}`;
    await this.#server.postgres.query(`CREATE DATABASE ${name} TEMPLATE shop`);
    return name;
  }
  /** Drops a copy and all that was made beside it. */
  async clear(copy: string): Promise<void> {
    for (const name of await this.databases())
      if (name === copy || name.startsWith(`${copy}_`)) await this.#server.dropDatabase(name);
  }

  target = (database: string) => this.#server.target(database);
  databases = (): Promise<string[]> => this.#server.databases();
  async holds(database: string): Promise<string | undefined> {
    if (!(await this.databases()).includes(database)) return undefined;
    const [row] = await this.#server.postgres.query<{ word: string }>(WORD, { database });
    return row!.word;
  }

  async dump(database: string): Promise<Dumped> {
    const scratch = await mkdtemp(join(tmpdir(), 'nightjar-workflows-'));
    try {
      const backup = memoryBackup();
      const facts = await postgres.dump(
        {
          target: this.#server.target(database),
          login: () => Promise.resolve(this.#server.login),
          signal: new AbortController().signal,
          report: listeningReporter(),
          scratch,
          env: this.#server.env,
          s3: NO_S3,
        },
        backup.sink,
      );
      return { facts, backup, word: (await this.holds(database))! };
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }

  /** The server as one world sees it. */
  place(world: World): Place {
    const words = new Map<string, string>();
    const dumping = async (job: DumpJob, attempt: number): Promise<void> => {
      // The first backup is of the time before the mishap.
      const dumped = words.size === 0 ? this.first! : await this.dump(job.target.database);
      words.set(job.id, dumped.word);
      await store(world, job, attempt, dumped);
    };
    const task: RunTask = async (run) => {
      if (run.job.kind !== 'dump') return this.#run(world, run);
      await dumping(run.job, run.attempt);
      return 0;
    };
    return {
      task,
      databases: this.databases,
      holds: (database) => this.holds(database),
      backed: (_, backupId) => Promise.resolve(words.get(backupId)),
    };
  }

  async #run(world: World, { job, attempt, taskArn, signal }: TaskRun): Promise<number> {
    const stop = new AbortController();
    const at = (phase: string): void => {
      if (signal.aborted && phase === whereToStop(job, signal)) stop.abort(new NightjarError('TASK_STOPPED'));
    };
    return runJob(job, {
      attempt,
      taskArn,
      env: this.#server.env,
      s3: reading(world),
      bucket: 'vault',
      secrets: { send: () => Promise.resolve({ SecretString: JSON.stringify(this.#server.login) }) },
      catalog: world.catalog,
      engineOf: () =>
        ({
          ...postgres,
          restore: (context, one, source) =>
            postgres.restore(
              { ...(context as EngineContext<'postgres'>), report: listening(context.report, at) },
              one,
              source,
            ),
        }) as Engine,
      stop,
      secrecy: new Secrecy(),
      log: () => undefined,
      patience: QUICK,
    });
  }
}

/** In the middle of the load when somebody stops the execution, right before the last step when its time is over. */
function whereToStop(job: TaskRun['job'], signal: AbortSignal): string {
  if (signal.reason !== STOPS.timedOut) return 'restoring';
  return job.kind === 'restore' && job.mode === 'overwrite' ? 'comparing rows' : 'renaming';
}

type Report = Parameters<typeof postgres.restore>[0]['report'];
const listening = (report: Report, at: (phase: string) => void): Report => ({
  phase: (text) => (report.phase(text), at(text)),
  moved: (bytes) => report.moved(bytes),
  expect: (bytes) => report.expect(bytes),
  found: (bytes) => report.found(bytes),
  warn: (text) => report.warn(text),
  exchange: (state) => report.exchange(state),
});

/** Puts a dump into the vault under the job's names, and says so, as the task does. */
async function store(world: World, job: DumpJob, attempt: number, { facts, backup }: Dumped): Promise<void> {
  const made = manifestOf('postgres', facts, backup, job.id);
  const objects = made.objects.map((object) => {
    const bytes = backup.finished.get(object.role)!;
    const held = { body: bytes.toString('latin1'), bytes: bytes.length, crc32: object.crc32 };
    return { ...object, ...world.vault.put(objectKey(job.target.name, job.id, attempt, object.role), held) };
  });
  const snapshotAt = world.now().toISOString();
  const manifest: Manifest = { ...made, target: job.target.name, trigger: job.trigger, attempt, objects, snapshotAt };
  const { key, versionId } = world.vault.put(manifestKey(job.target.name, job.id), { body: JSON.stringify(manifest) });
  const { fingerprint, storedBytes, consistency, source } = manifest;
  await succeed<'dump'>(
    world,
    job.id,
    {
      kind: 'dump',
      manifestKey: key,
      manifestVersionId: versionId,
      snapshotAt,
      storedBytes,
      databaseBytes: source.databaseBytes,
      rows: fingerprint.tables.reduce((sum, one) => sum + one.rows, 0),
      tables: fingerprint.tables.length,
      consistency,
      warnings: [],
    },
    attempt,
  );
}

/** GetObject over the vault in memory: all that a restore asks of S3. */
function reading({ vault }: World): S3Client {
  const send = ({ input }: { input: { Key: string; VersionId: string; Range?: string } }): Promise<unknown> => {
    const { body } = vault.objects.get(`${input.Key}@${input.VersionId}`)!;
    const whole = Buffer.from(body, input.Key.endsWith('.json') ? 'utf8' : 'latin1');
    const [, from = '0', to = String(whole.length - 1)] = /^bytes=(\d+)-(\d+)$/.exec(input.Range ?? '') ?? [];
    const bytes = whole.subarray(Number(from), Number(to) + 1);
    const Body = Object.assign(Readable.from([bytes]), { transformToString: () => Promise.resolve(bytes.toString()) });
    return Promise.resolve({ Body, ContentRange: `bytes ${from}-${to}/${whole.length}` });
  };
  return { send } as unknown as S3Client;
}
