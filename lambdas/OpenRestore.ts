/** Opens a restore: which backup, into which place, and everything that can be refused before anything starts. */
import { dumpManifest, type BackupRecord, type Manifest } from '../core/backup.ts';
import { chooseBackup } from '../core/backup-choice.ts';
import { isNativeTarget, type DumpTarget } from '../core/config.ts';
import { ENGINES } from '../core/engines.ts';
import { NightjarError } from '../core/errors.ts';
import { idOfExecution } from '../core/ids.ts';
import { restoredDatabase } from '../core/names.ts';
import { narrowed, refuseUncovered } from '../core/narrowing.ts';
import { chooseDatabase, manifestOfDatabase, wholeServer } from '../core/server-backup.ts';
import {
  parseInput,
  refuseForEngine,
  restoreInputSchema,
  type OpenedRestore,
  type OpenRestoreEvent,
  type RestoreInput,
} from '../core/payloads.ts';
import { openNative, type OpenNativeParts } from './native/open-native.ts';
import { findTarget } from './native/targets.ts';
import { atOnce } from './shared/at-once.ts';
import { closeDead, takeLock } from './shared/locking.ts';
import { ofFailure } from './shared/outcome.ts';
import type { Parts } from './shared/parts.ts';
import { roomFor } from './shared/restore-room.ts';
import { taskRequestOf } from './shared/task-request.ts';
import * as wire from './shared/wiring.ts';

type Needs = OpenNativeParts & Pick<Parts, 'madeNetwork'>;

export const makeOpenRestore =
  (parts: Needs) =>
  async (event: OpenRestoreEvent): Promise<OpenedRestore> => {
    const input = parseInput(restoreInputSchema, event.input);
    const config = await parts.config();
    // The target itself may have left the config: its backups can still be restored into another.
    const destination = await findTarget(parts, input.destination ?? input.target);
    if (isNativeTarget(destination))
      return openNative(parts, {
        event,
        input,
        target: destination,
        choose: () => chooseBackup(parts.catalog, input.target, input.at),
      });
    const id = idOfExecution(event.executionArn, event.startedAt);
    const database =
      input.database ??
      (input.mode === 'new' && !input.allDatabases ? restoredDatabase(destination.database, id) : destination.database);
    refuse(input, destination, database);

    const backup = await chooseBackup(parts.catalog, input.target, input.at);
    refuseForEngine(destination.engine, input, backup.engine);
    if (backup.method !== 'dump' || backup.kind !== 'full')
      throw invalid(
        `A ${backup.kind} ${backup.method} backup of ${backup.engine} can not be restored into ${destination.engine}.`,
      );
    const stored = await parts.vault.readManifest(backup.manifestKey!, backup.manifestVersionId);
    const manifest = dumpManifest(stored.manifest);
    if (manifest.backupId !== backup.backupId || manifest.target !== backup.target)
      throw new NightjarError('MANIFEST_INVALID', {
        operation: 'open restore',
        detail: `${backup.manifestKey} is of ${manifest.target} ${manifest.backupId}.`,
      });
    // Undefined: every one of them.
    const from = input.allDatabases
      ? undefined
      : chooseDatabase(manifest, { database, fromDatabase: input.fromDatabase });
    const part = from === undefined ? wholeServer(manifest) : manifestOfDatabase(manifest, from);
    // Before a safety backup is taken for nothing; the task says it again.
    const taken = narrowed(input, part);
    refuseForEngine(destination.engine, taken, backup.engine);
    refuseUncovered(taken, part, destination.scope);
    const room = roomFor(input, destination, part);
    const task = taskRequestOf(
      config,
      destination,
      {
        kind: 'restore',
        id,
        target: destination,
        idleMinutes: config.limits.idleMinutes,
        source: {
          target: backup.target,
          backupId: backup.backupId,
          manifestKey: backup.manifestKey!,
          versionId: backup.manifestVersionId!,
        },
        mode: input.mode,
        database,
        ...(from === undefined ? { allDatabases: true } : { fromDatabase: from }),
        ...(input.scope === undefined ? {} : { scope: input.scope }),
        ...(input.noOwner === undefined ? {} : { noOwner: input.noOwner }),
        ...(input.roleMap === undefined ? {} : { roleMap: input.roleMap }),
        jobs: room.jobs,
      },
      parts.madeNetwork,
      room.size,
    );
    const frozen = await anyFrozen(parts, part);

    const lock = { target: destination.name, kind: 'restore', id, executionArn: event.executionArn } as const;
    // A new database is in nobody's way: tonight's backup of the target must not fail because of it.
    if (input.mode !== 'new') await takeLock(parts, lock);
    await open(parts, event, { id, input, database, from, destination: destination.name, backup });
    await refuseWhenOver(parts, lock);
    return {
      way: 'dump',
      id,
      target: destination.name,
      attempt: 1,
      task,
      backupId: backup.backupId,
      source: backup.target,
      fromDatabase: from ?? null,
      frozen,
      safety: input.mode === 'overwrite',
    };
  };

const invalid = (detail: string): NightjarError =>
  new NightjarError('INPUT_INVALID', { operation: 'open restore', detail });

/** What this input alone makes impossible. */
function refuse(input: RestoreInput, destination: DumpTarget, database: string): void {
  const modes: readonly string[] = ENGINES[destination.engine].modes;
  if (!modes.includes(input.mode))
    throw invalid(`${destination.engine} restores by ${modes.join(', ')}, not by ${input.mode}.`);
  if (input.set) throw invalid(`A set is of DynamoDB tables, and ${destination.name} is of ${destination.engine}.`);
  if (input.mode !== 'overwrite') return;
  // The safety backup is of the destination's own database: no other may be overwritten.
  if (database !== destination.database)
    throw invalid(
      `Mode overwrite replaces the database that the destination protects (${destination.database}), because its safety backup is of that one; for ${database} use mode new or swap.`,
    );
  if (input.confirm !== database)
    throw new NightjarError('CONFIRM_REQUIRED', {
      operation: 'open restore',
      detail: `${destination.name} would lose the database ${database}; confirm names ${input.confirm ?? 'nothing'}.`,
    });
}

async function anyFrozen({ vault }: Needs, manifest: Manifest): Promise<boolean> {
  const states = await atOnce(manifest.objects, async (object) => {
    const stored = await vault.head(object);
    if (stored) return stored.access;
    throw new NightjarError('OBJECT_MISSING', {
      operation: 'open restore',
      detail: `${object.key} has no version ${object.versionId}.`,
    });
  });
  return states.some((state) => state !== 'here');
}

interface Opening {
  readonly id: string;
  readonly input: RestoreInput;
  readonly database: string;
  /** Undefined: every database of the backup. */
  readonly from: string | undefined;
  readonly destination: string;
  readonly backup: BackupRecord;
}

async function open(
  parts: Needs,
  event: OpenRestoreEvent,
  { id, input, database, from, destination, backup }: Opening,
) {
  const opened = await parts.catalog.openRestore({
    restoreId: id,
    target: backup.target,
    destination,
    backupId: backup.backupId,
    mode: input.mode,
    database,
    ...(from === undefined ? { allDatabases: true } : from === database ? {} : { fromDatabase: from }),
    status: 'RUNNING',
    executionArn: event.executionArn,
    ...(input.requestedBy === undefined ? {} : { requestedBy: input.requestedBy }),
    startedAt: new Date(event.startedAt).toISOString(),
  });
  if (opened) return;
  const there = await parts.catalog.getRestore(id);
  if (there?.status === 'RUNNING') return;
  await parts.catalog.unlock(destination, 'restore', id);
  if (there?.failure) throw ofFailure(there.failure);
  throw new NightjarError('EXECUTION_FAILED', {
    operation: 'open restore',
    detail: `The restore ${id} is ${there?.status ?? 'gone'} already.`,
  });
}

/** Stopped meanwhile: the rule has looked before there was a record, and nobody would close it. */
async function refuseWhenOver(
  parts: Needs,
  lock: { readonly target: string; readonly kind: 'restore'; readonly id: string; readonly executionArn: string },
): Promise<void> {
  if (!(await parts.executions.isOver(lock.executionArn))) return;
  await closeDead(parts, lock);
  throw new NightjarError('EXECUTION_ABORTED', { operation: 'open restore', detail: `Restore ${lock.id}.` });
}

export const handler = wire.lambda(() =>
  makeOpenRestore({
    catalog: wire.catalog(),
    vault: wire.vault(),
    config: wire.config(),
    executions: wire.executions(),
    tasks: wire.tasks(),
    services: wire.services(),
    pointers: wire.pointers(),
    madeNetwork: wire.madeNetwork(),
    now: wire.now,
  }),
);
