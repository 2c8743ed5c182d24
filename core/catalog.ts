/**
 * The catalog's contract. Two implementations stand behind it (`stores/`), held to the one suite in
 * `test/contracts/catalog.ts`. Records move one way: every write names the state it expects, and a write that is
 * repeated changes nothing.
 */
import type { BackupRecord, RestoreRecord, RunRecord, TargetState } from './backup.ts';
import type { DumpOutcome, Progress } from './job.ts';
import type { Failure } from './errors.ts';

/** A backup and a restore of one target exclude each other, and each itself. */
export const LOCK_KINDS = ['backup', 'restore'] as const;
export type LockKind = (typeof LOCK_KINDS)[number];

export interface Lock {
  readonly target: string;
  readonly kind: LockKind;
  /** Backup id or restore id. */
  readonly id: string;
  /** Whoever holds it; when this execution is over, the lock may be taken. */
  readonly executionArn: string;
  readonly since: string;
}

export interface LockRequest extends Lock {
  /** A dead holder's execution: its locks do not stop us. */
  readonly takeFrom?: string;
  /** The restore for which this backup is the safety net: its lock does not stop us. */
  readonly safetyFor?: string;
}

/** Listings are newest first. */
export interface ListOptions {
  readonly target?: string;
  /** At most this many; 100 by default. */
  readonly limit?: number;
  /** Only ids below this one: the last id of the page before. */
  readonly before?: string;
}

export type Completed = Pick<
  DumpOutcome,
  | 'manifestKey'
  | 'manifestVersionId'
  | 'snapshotAt'
  | 'storedBytes'
  | 'databaseBytes'
  | 'rows'
  | 'tables'
  | 'consistency'
  | 'warnings'
>;

export interface Catalog {
  /** Takes the lock, or answers with the one that is in the way. The holder itself may take it again. */
  lock(request: LockRequest): Promise<{ taken: true } | { taken: false; by: Lock }>;
  /** Lets go; nothing happens when somebody else holds it. */
  unlock(target: string, kind: LockKind, id: string): Promise<void>;

  /** Writes a RUNNING backup. False when the id is there already: nothing is changed. */
  openBackup(record: BackupRecord): Promise<boolean>;
  /** RUNNING → COMPLETED, and the target's newest good one when it is newer. False when it was not RUNNING. */
  completeBackup(target: string, backupId: string, facts: Completed, endedAt: string): Promise<boolean>;
  /** RUNNING → FAILED. False when it was not RUNNING. */
  failBackup(target: string, backupId: string, failure: Failure, endedAt: string): Promise<boolean>;
  /** COMPLETED or FAILED → DELETED. False for a target's newest good backup, and when it was neither. */
  deleteBackup(target: string, backupId: string, deletedAt: string): Promise<boolean>;
  /** Notes on a FAILED or DELETED backup that the vault holds nothing of it any more. False when it is neither. */
  markObjectsGone(target: string, backupId: string, at: string): Promise<boolean>;
  getBackup(target: string, backupId: string): Promise<BackupRecord | undefined>;
  /** By id alone. */
  findBackup(backupId: string): Promise<BackupRecord | undefined>;
  listBackups(options?: ListOptions): Promise<BackupRecord[]>;
  /** The newest COMPLETED backup whose snapshot is at or before the moment (ISO 8601; now by default). */
  newestGood(target: string, at?: string): Promise<BackupRecord | undefined>;
  /** Puts a COMPLETED record back from its manifest; used when a lost catalog is rebuilt. */
  recoverBackup(record: BackupRecord): Promise<void>;

  /** The states of these targets; one never seen before begins with `now` as its firstSeenAt, which is a write. */
  targetStates(targets: readonly string[], now: string): Promise<Map<string, TargetState>>;
  /** The same for whoever may only read: one never seen before is absent. */
  readTargetStates(targets: readonly string[]): Promise<Map<string, TargetState>>;

  /** False when the run exists: nothing is changed. */
  openRun(record: RunRecord): Promise<boolean>;
  /** A RUNNING run changes hands from a dead execution to another. False when it is not RUNNING or not of `from`. */
  takeOverRun(runId: string, from: string, to: string): Promise<boolean>;
  closeRun(
    runId: string,
    end: Pick<RunRecord, 'status' | 'endedAt' | 'completed' | 'failed' | 'failure'>,
  ): Promise<void>;
  markReportSent(runId: string, at: string): Promise<void>;
  getRun(runId: string): Promise<RunRecord | undefined>;
  listRuns(options?: Pick<ListOptions, 'limit'>): Promise<RunRecord[]>;

  /** False when the id is there already: nothing is changed. */
  openRestore(record: RestoreRecord): Promise<boolean>;
  /** Changes a restore that is in one of the expected statuses. False when it is in none of them. */
  updateRestore(
    restoreId: string,
    expected: readonly RestoreRecord['status'][],
    change: Partial<Omit<RestoreRecord, 'restoreId' | 'target' | 'startedAt'>>,
  ): Promise<boolean>;
  getRestore(restoreId: string): Promise<RestoreRecord | undefined>;
  listRestores(options?: ListOptions): Promise<RestoreRecord[]>;

  /** Overwrites the attempt's item: the last word counts. */
  putProgress(progress: Progress): Promise<void>;
  /** The newest attempt's, or the named one's. */
  getProgress(id: string, attempt?: number): Promise<Progress | undefined>;
}
