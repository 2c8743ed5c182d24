/**
 * The one registry of what can go wrong. A code is what a workflow catches, a record stores, a mail prints, an exit
 * status derives from and a runbook section explains (`docs/runbook.md`, heading = the code).
 */

/** What a code means to a tired person: each text is printed as it stands. */
export interface ErrorEntry {
  /** What happened, one sentence without the target's name (the caller adds it). */
  readonly message: string;
  /** What to do next. */
  readonly hint: string;
  /** Whether the workflow may try the same task again without a person. */
  readonly retryable: boolean;
  /** Process exit status of task and command line. */
  readonly exitCode: number;
}

const entry = (
  message: string,
  hint: string,
  options: { retryable?: boolean; exitCode?: number } = {},
): ErrorEntry => ({
  message,
  hint,
  retryable: options.retryable ?? false,
  exitCode: options.exitCode ?? 1,
});

/** Exit statuses of the command line; documented in `docs/cli.md`. */
export const EXIT = { ok: 0, failed: 1, usage: 2, notFound: 3, busy: 4, unreachable: 5, refused: 6 } as const;

export const ERRORS = {
  // What a person or a config said.
  CONFIG_INVALID: entry('The config is not valid.', 'Correct the fields that are named, then deploy again.', {
    exitCode: EXIT.usage,
  }),
  INPUT_INVALID: entry('The input is not valid.', 'Correct the fields that are named, then start it again.', {
    exitCode: EXIT.usage,
  }),
  TARGET_UNKNOWN: entry(
    'No target of this name is in the deployed config.',
    'List the targets with `nightjar targets`; a target added to the config is known after the next `cdk deploy`.',
    { exitCode: EXIT.notFound },
  ),
  TARGET_BUSY: entry(
    'Another backup or restore of this target is running.',
    'Wait for it (`nightjar status`), or stop its execution; the lock falls by itself when the execution is over.',
    { exitCode: EXIT.busy },
  ),
  BACKUP_UNKNOWN: entry('No backup with this id is in the catalog.', 'List them with `nightjar backups TARGET`.', {
    exitCode: EXIT.notFound,
  }),
  BACKUP_NOT_GOOD: entry(
    'This backup is not COMPLETED, so it can not be restored.',
    'Choose another with `nightjar backups TARGET`; `latest` takes the newest good one.',
    { exitCode: EXIT.refused },
  ),
  NO_BACKUP: entry(
    'The target has no good backup at or before this moment.',
    'List what there is with `nightjar backups TARGET`; make one with `nightjar backup TARGET`.',
    { exitCode: EXIT.notFound },
  ),
  RESTORE_UNKNOWN: entry('No restore with this id is in the catalog.', 'List them with `nightjar status`.', {
    exitCode: EXIT.notFound,
  }),
  CONFIRM_REQUIRED: entry(
    'This restore replaces a place that is not empty, and was not confirmed.',
    'Read `nightjar restore … --plan`, then say `--confirm NAME` with the name of the database that will be replaced.',
    { exitCode: EXIT.refused },
  ),
  SCOPE_REFUSED: entry(
    'This scope does not go with this mode, this backup or this engine.',
    'The detail says which. Parts of a backup go into mode `new`, or by `overwrite` into the living database; whole ones into a `swap`.',
    { exitCode: EXIT.refused },
  ),

  // The command line's own way to AWS.
  STACKS_MISSING: entry(
    'No deployed Nightjar of this name is in this account and region.',
    'Check the credentials, AWS_REGION and `--name` (`nightjar doctor` shows them); deploy with `npx cdk deploy --all`.',
    { exitCode: EXIT.unreachable },
  ),
  AWS_DENIED: entry(
    'AWS refused your credentials, or they lack a right.',
    'The detail names the call; `nightjar doctor` shows who you are. Renew the credentials or have the right granted.',
    { exitCode: EXIT.unreachable },
  ),
  AWS_UNREACHABLE: entry(
    'AWS can not be reached from here.',
    'Check credentials (AWS_PROFILE), region (AWS_REGION), AWS_ENDPOINT_URL if you set it, and the network.',
    { exitCode: EXIT.unreachable },
  ),

  // Reaching the database.
  SECRET_MISSING: entry(
    'The secret with the database password was not found.',
    'Check the `secret` of the target in the config against Secrets Manager, in the region of the stacks.',
  ),
  SECRET_DENIED: entry(
    'The task may not read the secret with the database password.',
    'Name the secret by its full ARN in the config and deploy; if it has a key of its own, name that as `secretKey`.',
  ),
  SECRET_MALFORMED: entry(
    'The secret does not hold a JSON object with `username` and `password`.',
    'Store it as {"username": "…", "password": "…"}, as RDS does.',
  ),
  CONNECT_FAILED: entry(
    'The database server can not be reached.',
    'Check host, port, the target’s subnets and security groups (`nightjar doctor` probes from where the task runs), and that the server is up.',
    { retryable: true },
  ),
  AUTH_FAILED: entry(
    'The database refused the user or the password.',
    'Compare the secret with the database’s user; a rotated password was already read a second time.',
  ),
  TLS_FAILED: entry(
    'The database’s TLS certificate could not be verified.',
    'Set `tls.ca` of the target to `rds`, `system` or your own CA’s PEM, and use the host name that the certificate carries.',
  ),
  DATABASE_MISSING: entry(
    'The server has no database of this name.',
    'Correct `database` of the target in the config.',
  ),
  PRIVILEGE_MISSING: entry(
    'The database user lacks a privilege that this needs.',
    'Grant what the detail names; the engine’s page in docs/engines has the statements to paste.',
  ),
  SERVER_UNSUPPORTED: entry(
    'The image has no tool for this version of the server, or of the file.',
    'The engine’s page in docs/engines says what is supported; for something newer update Nightjar’s image.',
  ),
  POOLER_REFUSED: entry(
    'The endpoint is a connection pooler, not the database server.',
    'Name the server’s own endpoint as `host` and `port` of the target: through a pooler, sessions can not share one snapshot.',
  ),

  // A database that is a file.
  STORAGE_DENIED: entry(
    'The file system or the bucket that holds the database refused the task.',
    'The detail names the file or the call: check the access point’s user and the file’s mode, or the bucket’s policy and its key.',
  ),
  STORAGE_UNAVAILABLE: entry(
    'The file system or the bucket that holds the database did not answer as it should.',
    'Check `storage` of the target (file system, directory, bucket, prefix) and the AWS health page; it is tried again.',
    { retryable: true },
  ),
  FILE_LOCKED: entry(
    'Another process kept the database file locked.',
    'Nothing was changed. Look for a long transaction or a process that hangs at that hour, or, where the engine waits, raise `busyTimeoutSeconds` of the target.',
    { retryable: true },
  ),
  WAL_REFUSED: entry(
    'The database file is in WAL mode on a network file system, where it can not be read safely.',
    'Stop whoever uses it, then `sqlite3 FILE "PRAGMA journal_mode = DELETE"`: WAL needs memory that only one host shares.',
  ),
  DATABASE_DAMAGED: entry(
    'The database is damaged: its own check found faults.',
    'Nothing of this backup was kept, older ones are untouched: restore the newest good one beside it and compare.',
  ),

  // Dumping.
  SERVER_READ_ONLY: entry(
    'The database server takes no writes.',
    'Restart the server now: it leaves its read-only mode no other way. Replication stays stopped until then too.',
  ),
  LOCK_TIMEOUT: entry(
    'A table stayed locked by somebody else for too long.',
    'Nothing was changed or kept; it is tried again. Look for a migration or maintenance at that hour: the detail says where to look.',
    { retryable: true },
  ),
  CONNECTION_LOST: entry(
    'The connection to the database broke while data was moving.',
    'Check the server’s log for a restart or a failover at that moment; the next run starts afresh.',
    { retryable: true },
  ),
  REPLICA_CONFLICT: entry(
    'The replica cancelled the dump, because it had to replay a change that the dump’s snapshot stood against.',
    'Switch `hot_standby_feedback` on at the replica, or set its `max_standby_streaming_delay` to -1 for the time of the dump, or back up the primary. It is tried again; nothing of this backup was kept.',
    { retryable: true },
  ),
  DUMP_FAILED: entry(
    'The dump tool ended with an error.',
    'The detail holds its last words; nothing of this backup was kept, older backups are untouched.',
  ),
  SCHEMA_CHANGED: entry(
    'Definitions of the database changed while it was dumped.',
    'It is tried once more by itself. If it stays so, move the migration or the backup to another hour; nothing of this backup was kept.',
    { retryable: true },
  ),
  TABLES_UNSAFE: entry(
    'Tables that no transaction covers can not be dumped consistently.',
    "Convert the tables that the detail names (ALTER TABLE … ENGINE=InnoDB), or have them locked during the dump: `unsafeTables: 'lock'` of the target.",
  ),
  DUMP_EMPTY: entry(
    'The dump tool reported success and wrote nothing.',
    'Check the tool in the task’s image; nothing of this backup was kept, older backups are untouched.',
  ),
  READ_THROUGH_FAILED: entry(
    'The archive could not be read to its end while it streamed.',
    'The dump is not restorable and was not kept. Check the image’s tools and the task’s memory, then run it again.',
  ),
  STALLED: entry(
    'No byte moved for longer than the config allows.',
    'Check the server for locks and load, and the network path; raise `limits.idleMinutes` if the pause was honest.',
    { retryable: true },
  ),
  VAULT_UNAVAILABLE: entry(
    'S3 did not accept the data after many tries.',
    'Look at the AWS health page and the bucket; nothing of this backup was kept. The next run tries again.',
    { retryable: true },
  ),
  VAULT_DENIED: entry(
    'The vault refused the request.',
    'Check that the vault’s bucket policy, its KMS key and the task role are as deployed (`cdk diff`).',
  ),
  DISK_FULL: entry(
    'A disk is full.',
    'The detail says whose. The server’s or the file system’s: make room there. The task’s: raise `size.ephemeralGiB` of the target (200 at most), or restore with one job.',
  ),

  // The task and its execution.
  TASK_DIED: entry(
    'The task ended without saying why.',
    'Out of memory is the usual cause: raise `size.memoryMiB` of the target. Its last lines are in the task’s log stream.',
  ),
  TASK_NOT_STARTED: entry(
    'The task never started.',
    'Usually the image or a secret can not be reached from the subnets: check NAT or the endpoints, and the detail.',
  ),
  NO_CAPACITY: entry(
    'Fargate had no capacity or the account’s quota was reached.',
    'It was tried again with growing pauses. Lower `concurrency`, or raise the Fargate vCPU quota.',
    { retryable: true },
  ),
  TASK_STOPPED: entry(
    'The task was told to stop before it was done.',
    'Somebody stopped it, or AWS retired the host. Nothing half-written was kept; start it again.',
    { retryable: true },
  ),
  TIMED_OUT: entry(
    'It took longer than the config allows.',
    'Raise `limits.backupHours` or `limits.restoreHours`, or give the task more CPU.',
  ),
  GIVEN_UP: entry(
    'The dump was given up: it was not done in the time that its target allows.',
    'Nothing of this backup was kept, older backups are untouched. Raise the target’s `giveUpAfterMinutes`, or give it more CPU or a higher `bytesPerSecond`.',
  ),
  EXECUTION_ABORTED: entry('The execution was stopped from outside.', 'Start it again when you are ready.'),
  EXECUTION_TIMED_OUT: entry(
    'The whole execution ran into its time limit.',
    'Raise `limits.backupHours` or `limits.restoreHours`, then start it again.',
  ),
  EXECUTION_FAILED: entry(
    'The execution broke off where the workflow could not catch it.',
    'Open the execution in the Step Functions console and read its last event.',
  ),
  NOT_STARTED: entry(
    'The run planned this backup, and no record of it exists.',
    'Open the run’s map in the Step Functions console; quotas on executions or a missing right are the usual cause.',
  ),
  UNEXPECTED: entry(
    'Something happened that Nightjar has no word for.',
    'Read the detail and the logs, and please report it.',
  ),

  // Verification.
  MANIFEST_INVALID: entry(
    'The backup’s manifest is missing or can not be read.',
    'The backup is not to be trusted; take another, then look into the vault’s object versions.',
  ),
  OBJECT_MISSING: entry(
    'An object of the backup is not in the vault.',
    'Look into the vault’s object versions; take a new backup.',
  ),
  OBJECT_DAMAGED: entry(
    'A stored object differs from what was written: size or checksum.',
    'The backup is not to be trusted; take a new one and restore from another.',
  ),
  OBJECT_UNENCRYPTED: entry(
    'A stored object is not encrypted with the vault’s key.',
    'Compare the bucket’s encryption with the deployed stack (`cdk diff`), then take a new backup.',
  ),

  // Restoring.
  CHECKSUM_MISMATCH: entry(
    'The data read from the vault does not have the checksum of the manifest.',
    'Nothing under the old name was touched. Restore from another backup.',
  ),
  IDENTITY_MISSING: entry(
    'The backup is encrypted with age, and no identity that opens it was found.',
    'Nothing was touched. Put the identity of one of the backup’s recipients into the secret that the detail names, and let the config name that secret; `nightjar doctor TARGET` looks whether restores can read it. Then restore again.',
  ),
  DESTINATION_EXISTS: entry(
    'A database of this name is there already.',
    'Choose another name (`--database`), or replace it with mode `swap`.',
    { exitCode: EXIT.refused },
  ),
  RESTORE_UNFINISHED: entry(
    'A restore that did not end left a database of this name half filled.',
    'Let no application use it: it is not complete. The detail says which restore it was, why it was not taken up, and how to drop it; then start the restore again.',
    { exitCode: EXIT.refused },
  ),
  ROLE_MISSING: entry(
    'Roles that own or are granted objects in the backup are missing on the destination server.',
    'Create them (the backup’s globals object holds the statements), or restore with `--no-owner`.',
    { exitCode: EXIT.refused },
  ),
  RESTORE_FAILED: entry(
    'The restore tool ended with an error.',
    'The detail holds its last words. The database under the old name is as it was, after an overwrite too.',
  ),
  FINGERPRINT_DIFFERS: entry(
    'The restored rows are not those the backup recorded.',
    'The database under the old name is as it was, after an overwrite too. After `new` and `swap` the restored one was kept beside it for inspection.',
  ),
  SWAP_FAILED: entry(
    'The names could not be exchanged.',
    'What served before serves on. Look for sessions that can not be ended, then run it again.',
  ),
  SWAP_UNFINISHED: entry(
    'The exchange of names broke off half-way.',
    'Nothing is lost. Start a restore or rollback of that database again: it puts this in order first. `nightjar show ID` says what serves meanwhile.',
    { retryable: true },
  ),
  ROLLBACK_IMPOSSIBLE: entry(
    'This restore can not be rolled back.',
    'The old database was dropped, renamed or never kept; `nightjar show ID` says which.',
    { exitCode: EXIT.refused },
  ),
  THAW_TIMED_OUT: entry(
    'Archived objects were not back from Glacier in time.',
    'Start the restore again: the thaw goes on by itself and what is thawed stays so for days.',
  ),

  // Services that keep the recovery points themselves.
  RESOURCE_MISSING: entry(
    'There is no instance, cluster or table of this name.',
    'Correct the target in the config; one that was deleted comes back from its last backup: `nightjar restore TARGET --swap`.',
    { exitCode: EXIT.notFound },
  ),
  PITR_OFF: entry(
    'Point-in-time recovery is off.',
    "Turn it on, or set `pitr: 'enable'` of the target; until then only the recovery points of the nights can be restored.",
  ),
  POINT_FAILED: entry(
    'The service did not finish the recovery point.',
    'The detail holds its words; older points are untouched. Run it again with `nightjar backup TARGET`.',
    { retryable: true },
  ),
  POINT_MISSING: entry(
    'A recovery point is not there, or not as it was recorded.',
    'Look for a person or a rule that deletes snapshots; take a new backup, and restore from another or by a moment.',
  ),
  WINDOW_MISSED: entry(
    'The moment lies outside of what point-in-time recovery reaches.',
    'The detail names the window; choose a moment in it, or the id of a backup.',
    { exitCode: EXIT.refused },
  ),
  RESTORE_REFUSED: entry(
    'This restore can not work, so nothing was begun.',
    'Mend what the detail lists, then start it again.',
    { exitCode: EXIT.refused },
  ),
  SERVICE_REFUSED: entry(
    'The service refused a call that the restore or the backup needs.',
    'The detail names the call and the service’s words; `nightjar show ID` says what serves under the name now.',
  ),
  ALIAS_FAILED: entry(
    'The restored instance, cluster or table did not come up.',
    'The original serves on. The detail names what was left behind; the pruner removes it, or do so by hand.',
  ),
  STEP_TIMED_OUT: entry(
    'The service took longer than `limits.nativeStepHours`.',
    'The detail names the step and the resource that was left behind. Look at it in the console, then start the restore again.',
  ),
  CHECK_FAILED: entry(
    'The restored data did not pass its checks.',
    'The detail says what serves: the original, unless a table had been made again by then. What was restored was kept for inspection; the pruner removes it.',
  ),
  APPROVAL_DENIED: entry(
    'The restore was cancelled before its outage began, or nobody approved it in time.',
    'The original serves on, nothing was changed. Start it again when you are ready.',
  ),
  SET_STOPPED: entry(
    'Of several tables that go back together one could not, so none was swapped after that.',
    'The detail names the table that failed, and the lines to type. Mend that, then start the set again.',
  ),
  SET_MIXED: entry(
    'Some tables of the set serve the restored moment, others do not: together they do not fit.',
    'The detail has the lines to type: those that finish the set, and those that take the swapped ones back.',
  ),
  RENAME_FAILED: entry(
    'The names could not be exchanged.',
    'Names that had changed were put back. `nightjar show ID` says what serves now; then run it again.',
  ),
  POINTER_FAILED: entry(
    'What the application reads to find its database could not be switched.',
    'It says what it said before. Check the target’s `pointer` and the rights on it, then run it again.',
  ),
  TABLE_NOT_SAFE: entry(
    'The table was not deleted, because not everything that could bring it back was proven.',
    'The original serves on. The detail says what is missing; start the restore again.',
  ),

  // Telling people.
  MAIL_REFUSED: entry(
    'SES did not take the report.',
    'Verify the sender (in the SES sandbox the recipients too) and read `nightjar doctor`.',
  ),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

export const isErrorCode = (value: unknown): value is ErrorCode =>
  typeof value === 'string' && Object.hasOwn(ERRORS, value);

/** A failure as records, mails and JSON output carry it. */
export interface Failure {
  readonly code: ErrorCode;
  /** The registry's sentence. */
  readonly message: string;
  readonly hint: string;
  /** What was being done, e.g. `pg_dump` or `PutObject`. */
  readonly operation?: string;
  /** The cause's own words, at most {@link DETAIL_LIMIT} characters, without secrets. */
  readonly detail?: string;
}

/** Details longer than this are cut in the middle: a state's payload and an item have limits. */
export const DETAIL_LIMIT = 2_000;

/** An error of the registry. `name` is the code, because Step Functions matches a Lambda error by its name. */
export class NightjarError extends Error {
  readonly code: ErrorCode;
  readonly operation: string | undefined;
  readonly detail: string | undefined;

  constructor(code: ErrorCode, options: { operation?: string; detail?: string; cause?: unknown } = {}) {
    const detail = options.detail === undefined ? undefined : clip(options.detail);
    super(detail ? `${ERRORS[code].message} ${detail}` : ERRORS[code].message, { cause: options.cause });
    this.name = code;
    this.code = code;
    this.operation = options.operation;
    this.detail = detail;
  }

  get entry(): ErrorEntry {
    return ERRORS[this.code];
  }

  /** The same error, which is the cause, under another code or in other words. */
  retold({ code = this.code, detail = this.detail }: { code?: ErrorCode; detail?: string | undefined }): NightjarError {
    return new NightjarError(code, {
      cause: this,
      ...(this.operation === undefined ? {} : { operation: this.operation }),
      ...(detail === undefined ? {} : { detail }),
    });
  }

  toFailure(): Failure {
    return failure(this.code, { operation: this.operation, detail: this.detail });
  }
}

export function failure(code: ErrorCode, more: { operation?: string; detail?: string } = {}): Failure {
  const { message, hint } = ERRORS[code];
  return {
    code,
    message,
    hint,
    ...(more.operation === undefined ? {} : { operation: more.operation }),
    ...(more.detail === undefined ? {} : { detail: clip(more.detail) }),
  };
}

/** Any thrown thing as an error of the registry; what has no code becomes UNEXPECTED with its own words kept. */
export function toNightjarError(thrown: unknown, operation?: string): NightjarError {
  if (thrown instanceof NightjarError) return thrown;
  const detail = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return new NightjarError('UNEXPECTED', { detail, cause: thrown, ...(operation ? { operation } : {}) });
}

/** What was thrown says. */
export const wordsOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

function clip(text: string): string {
  if (text.length <= DETAIL_LIMIT) return text;
  const half = Math.floor(DETAIL_LIMIT / 2) - 3;
  return `${text.slice(0, half)} … ${text.slice(-half)}`;
}
