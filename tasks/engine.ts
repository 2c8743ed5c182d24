/**
 * The engine interface: what every engine can do, whatever the database. The contract, held by the one suite in
 * `test/contracts/engine.ts` against a real server:
 *
 * - `dump` returns only after every child process has exited 0 and the engine's own reader has read the archive to its
 *   end while it streamed. Whatever goes wrong is thrown as a {@link NightjarError}; the caller then aborts the upload.
 * - `restore` never touches the place under the old name before the restored rows have been compared.
 * - Nothing outlives a call: children run in process groups of their own and are killed when `signal` aborts.
 * - Passwords reach a child through its environment or a 0600 file, never as an argument, a log line or an error.
 */
import type { Readable, Writable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import type { Manifest, VaultObject } from '../core/backup.ts';
import type { TargetOf } from '../core/config.ts';
import type { DumpEngine } from '../core/engines.ts';
import type { ExchangeState } from '../core/exchange.ts';
import type { HeldDatabase } from '../core/server-backup.ts';
import type {
  CheckJob,
  CheckOutcome,
  DropJob,
  DropOutcome,
  ProbeOutcome,
  RestoreJob,
  RestoreOutcome,
  RollbackJob,
  RollbackOutcome,
} from '../core/job.ts';

export interface Login {
  readonly username: string;
  readonly password: string;
}

/** Says to people what the task is doing; also what keeps the stall watch quiet. */
export interface Reporter {
  /** In words for a person, such as `dumping` or `comparing rows`. */
  phase(text: string): void;
  /** Data moved since the last call, in bytes. Row work without bytes calls it with 0: a sign of life. */
  moved(bytes: number): void;
  /** What `moved` will add up to, in bytes, where that is known. */
  expect(bytes: number): void;
  /** How large the database is, in bytes, before it is copied: a disk that is too small for it is larger the next time. */
  found(databaseBytes: number): void;
  /** Goes into the manifest or the restore's record, and into the report. */
  warn(text: string): void;
  /**
   * How far an exchange of names is, before its next step begins: what a task that dies then leaves is told by it. Resolves when
   * the catalog knows of it, or can't be told; never rejects.
   */
  exchange(state: ExchangeState): Promise<void>;
}

export interface EngineContext<E extends DumpEngine = DumpEngine> {
  readonly target: TargetOf<E>;
  /** Reads the secret anew at every call: rotated passwords are picked up. @throws SECRET_*; UNEXPECTED of a file. */
  login(): Promise<Login>;
  /** Aborts on SIGTERM and on a stall; its reason is the NightjarError to throw. */
  readonly signal: AbortSignal;
  readonly report: Reporter;
  /** Directory for small files and, where asked for, whole archives. Removed by the caller. */
  readonly scratch: string;
  /** Only for databases that are objects, and for servers that write to a bucket. */
  readonly s3: S3Client;
  /** The task's environment: where the image keeps the tools, and where file systems are mounted. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Where a dump's bytes go. Nothing that is opened becomes an object before the whole dump has succeeded. */
export interface DumpSink {
  /**
   * Opens one stream of the backup; `end()` it when its last byte is written. There is one archive, or one for each `database`
   * of the server.
   */
  open(role: VaultObject['role'], file: string, database?: string): Writable;
}

/** What only the engine knows of a dump; the caller adds objects, sizes, checksums and times. */
export type DumpFacts = Pick<
  Manifest,
  'snapshotAt' | 'consistency' | 'source' | 'format' | 'tool' | 'compression' | 'fingerprint' | 'roles' | 'extensions'
> & {
  /** Of a whole server, whose tables in the fingerprint then say their `database`. */
  readonly databases?: readonly Omit<HeldDatabase, 'archive'>[];
};

/** What a restore reads from. */
export interface RestoreSource {
  readonly manifest: Manifest;
  /**
   * The archive as it was stored, all its objects in order. The last bytes come only after the SHA-256 of the whole
   * has been compared with the manifest; on a difference the stream fails with CHECKSUM_MISMATCH before its end.
   */
  openArchive(): Readable;
  /**
   * The archive as it was stored, into this file; resolves after its SHA-256 was compared. `moved` hears of the bytes.
   * @throws CHECKSUM_MISMATCH, DISK_FULL.
   */
  saveArchive(file: string, moved: (bytes: number) => void): Promise<void>;
  /** Reads the archive once, for its hash only. @throws CHECKSUM_MISMATCH. */
  proveArchive(): Promise<void>;
  /** The globals object as text, when the backup has one. */
  readGlobals(): Promise<string | undefined>;
}

/** What only the engine knows of a restore; the caller adds what it told the reporter to warn of. */
export type RestoreDone = Omit<RestoreOutcome, 'kind' | 'warnings'>;

/** A whole server whose users and globals are back. */
export interface ServerRestore {
  /** Brings one database back by `restore`, and what of the globals needs it to be there. @throws what `restore` throws. */
  bring(database: string, restore: () => Promise<RestoreDone>): Promise<RestoreDone>;
  /** All of them are back. */
  end(): Promise<void>;
}

export interface Engine<E extends DumpEngine = DumpEngine> {
  readonly name: E;
  probe(context: EngineContext<E>): Promise<Omit<ProbeOutcome, 'kind'>>;
  dump(context: EngineContext<E>, sink: DumpSink): Promise<DumpFacts>;
  /** One database: of a backup of a whole server, `source.manifest` is as if this one had been backed up alone. */
  restore(context: EngineContext<E>, job: RestoreJob, source: RestoreSource): Promise<RestoreDone>;
  /**
   * Brings back the users, roles and other globals that the server lacks. None that is there is changed; what was left alone,
   * and who has no password, is warned of. Only of engines that back up whole servers. Resolves with what is to be done around
   * each database, where there is something. The same job again finishes what an attempt that died had begun.
   */
  restoreGlobals?(
    context: EngineContext<E>,
    source: RestoreSource,
    job: RestoreJob,
  ): Promise<ServerRestore | undefined>;
  /** Names of the databases that this restore left under its working names. Only of engines that back up whole servers. */
  unfinished?(context: EngineContext<E>, restoreId: string): Promise<readonly string[]>;
  /** Gives the replaced data its name back; the restored data is set aside, not dropped. */
  rollback(context: EngineContext<E>, job: RollbackJob): Promise<Omit<RollbackOutcome, 'kind'>>;
  /** Counts rows and asks the job's questions, all of it read only. An answer that is not true is an answer, no error. */
  check(context: EngineContext<E>, job: CheckJob): Promise<Omit<CheckOutcome, 'kind'>>;
  /** Drops what a swap replaced; well done also when it is gone already. */
  drop(context: EngineContext<E>, job: DropJob): Promise<Omit<DropOutcome, 'kind'>>;
}
