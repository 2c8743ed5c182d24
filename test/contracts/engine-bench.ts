/** The ground that the engines' promises are tried on: a real server, and the verbs with doubles of all that surrounds them. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { S3Client } from '@aws-sdk/client-s3';
import type { Manifest, TablePrint } from '../../core/backup.ts';
import type { TargetOf } from '../../core/config.ts';
import type { DumpEngine } from '../../core/engines.ts';
import { NightjarError } from '../../core/errors.ts';
import { idOfExecution } from '../../core/ids.ts';
import type { DropJob, RestoreJob, RestoreOutcome, RollbackJob } from '../../core/job.ts';
import { replacedDatabase } from '../../core/names.ts';
import type { Engine, EngineContext, Login, RestoreSource } from '../../tasks/engine.ts';
import { restoreDatabases } from '../../tasks/restore-databases.ts';
import { listeningReporter, manifestOf, memoryBackup, memorySource, type Heard, type MemoryBackup } from './doubles.ts';

/** Every row of every table, written so that equal databases give equal values. */
export type Rows = Readonly<Record<string, readonly string[]>>;

/** A real server that one run of the contract uses. */
export interface EngineServer<E extends DumpEngine> {
  /** `fields`: instead of the defaults. */
  target(database: string, fields?: Partial<TargetOf<E>>): TargetOf<E>;
  /** Undefined of a file. */
  readonly login?: Login;
  /** As awkward a name as the engine allows. */
  readonly awkwardName: string;
  /** A table that has rows and that no other refers to, as the fingerprint names it. */
  readonly lone: string;
  /** Undefined of an engine without scopes. */
  readonly parts?: {
    /** Another such, and small. */
    readonly apart: string;
    /** Deletes all rows of one of the two. */
    readonly empty: (database: string, table: string) => Promise<void>;
  };
  /** Of the fingerprint: what `check` counts. */
  isCounted?(table: TablePrint): boolean;
  /** One that is true, one that is false, one that fails and whose answer says `failing`, and one that is neither. */
  readonly queries: { readonly all: readonly [string, string, string, string]; readonly failing: string };
  readonly large: {
    /** A new database that holds these bytes, in one value where the engine takes one of their size. */
    make(database: string, bytes: Buffer): Promise<void>;
    /** What it holds. */
    read(database: string): Promise<Buffer>;
  };
  /** An environment in which every tool ends with 0 having done nothing. Undefined of an engine that starts none. */
  readonly silentTools?: Readonly<Record<string, string>>;
  /** Whether a swap ends the sessions of the database that it replaces. */
  readonly swapEndsSessions: boolean;
  readonly env: Readonly<Record<string, string>>;
  /** For databases that are objects, and servers that write to a bucket. */
  readonly s3?: S3Client;
  /** Fills a new database with everything that is awkward about this engine. */
  seed(database: string): Promise<void>;
  rowsOf(database: string): Promise<Rows>;
  /** Removes and alters rows, as an accident would. */
  damage(database: string): Promise<void>;
  databases(): Promise<string[]>;
  dropDatabase(database: string): Promise<void>;
  /** Opens a session in the database that stays busy; resolves with whether it was ended, once told to look. */
  busySession(database: string): Promise<{ wasEnded(): Promise<boolean> }>;
  stop(): Promise<void>;
}

export interface EngineHarness<E extends DumpEngine> {
  readonly title: string;
  readonly engine: Engine<E>;
  /** `ways`: only that every way of restoring brings every row back; for versions between the oldest and the newest. */
  readonly depth?: 'all' | 'ways';
  start(): Promise<EngineServer<E>>;
}

export interface Bench<E extends DumpEngine> {
  readonly server: EngineServer<E>;
  readonly engine: Engine<E>;
  context(database: string, more?: Partial<EngineContext<E>>): EngineContext<E> & { report: Heard };
  dump(database: string, more?: Partial<EngineContext<E>>): Promise<{ backup: MemoryBackup; manifest: Manifest }>;
  restoreJob(database: string, mode: RestoreJob['mode'], more?: Partial<RestoreJob>): RestoreJob;
  restore(
    job: RestoreJob,
    source: RestoreSource,
    more?: Partial<EngineContext<E>>,
  ): Promise<Omit<RestoreOutcome, 'kind'>>;
  /** Of a backup of a whole server: the database that the job chooses, or all of them. */
  restoreBackup(
    job: RestoreJob,
    manifest: Manifest,
    backup: MemoryBackup,
    more?: Partial<EngineContext<E>>,
  ): Promise<Omit<RestoreOutcome, 'kind'>>;
  scratch: string;
}

/** Its use is a defect of an engine that speaks to no bucket. */
export const NO_S3 = new Proxy({} as S3Client, {
  get: () => {
    throw new Error('This engine has no business with S3.');
  },
});

let counter = 0;
export const newId = (): string => idOfExecution(`arn:of:execution:${(counter += 1)}`, new Date().toISOString());

const after = ({ id: restoreId, target, idleMinutes }: RestoreJob) => ({ id: newId(), target, idleMinutes, restoreId });

/** Takes a swap back. */
export const rollbackOf = (job: RestoreJob, more: Partial<RollbackJob> = {}): RollbackJob => ({
  ...after(job),
  kind: 'rollback',
  database: job.database,
  replacedDatabase: replacedDatabase(job.database, job.id),
  ...more,
});

/** What the pruner asks for; without `database` as of a restore whose record names none. */
export const dropOf = (job: RestoreJob, name: string, more: Partial<DropJob> = {}): DropJob => ({
  ...after(job),
  kind: 'drop',
  replacedDatabase: name,
  ...more,
});

export async function benchOf<E extends DumpEngine>(harness: EngineHarness<E>): Promise<Bench<E>> {
  const server = await harness.start();
  const scratch = await mkdtemp(join(tmpdir(), 'nightjar-engine-'));
  const { engine } = harness;
  const context: Bench<E>['context'] = (database, more = {}) => {
    const report = listeningReporter();
    return {
      target: server.target(database),
      login: async () => Promise.resolve(server.login!),
      signal: new AbortController().signal,
      scratch,
      env: server.env,
      s3: server.s3 ?? NO_S3,
      ...more,
      report: (more.report as Heard | undefined) ?? report,
    };
  };
  return {
    server,
    engine,
    scratch,
    context,
    async dump(database, more) {
      const backup = memoryBackup();
      const asked = context(database, more);
      const facts = await engine.dump(asked, backup.sink);
      const { scope } = asked.target as { readonly scope?: Manifest['scope'] };
      return { backup, manifest: { ...manifestOf(engine.name, facts, backup, newId()), ...(scope && { scope }) } };
    },
    restoreJob: (database, mode, more = {}) => ({
      kind: 'restore',
      id: newId(),
      target: server.target(database),
      idleMinutes: 5,
      source: { target: 'shop', backupId: newId(), manifestKey: 'shop/manifest.json', versionId: 'v1' },
      mode,
      database,
      ...more,
    }),
    async restore(job, source, more) {
      const own = context(job.database, more);
      return { ...(await engine.restore(own, job, source)), warnings: own.report.warnings };
    },
    async restoreBackup(job, manifest, backup, more) {
      const own = context(job.database, more);
      // As the task does it: which of the engines it is, is no matter there.
      const done = await restoreDatabases({
        engine: engine as unknown as Engine,
        context: own,
        job,
        manifest,
        open: (part) => memorySource(part, backup),
      });
      return { ...done, warnings: own.report.warnings };
    },
  };
}

/** The error's code, or what came instead of an error. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    (value) => `no error, but ${JSON.stringify(value)}`,
    (thrown: unknown) => (thrown as { code?: string }).code ?? String(thrown),
  );
}

/** What it fails with. Rejects when the work succeeds, or fails with what Nightjar has no word for. */
export const failure = async (work: Promise<unknown>): Promise<NightjarError> =>
  work.then(
    (value) => {
      throw new Error(`no error, but ${JSON.stringify(value)}`);
    },
    (thrown: unknown) => {
      if (thrown instanceof NightjarError) return thrown;
      throw thrown;
    },
  );
