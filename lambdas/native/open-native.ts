/** Opens a restore that a service does itself: from what, under which names, and everything that can be refused before it. */
import type { BackupRecord, RestoreRecord } from '../../core/backup.ts';
import type { NativeTarget } from '../../core/config.ts';
import { NightjarError } from '../../core/errors.ts';
import { idOfExecution } from '../../core/ids.ts';
import { aliasResource, replacedResource } from '../../core/names.ts';
import { refusalsOfInput } from '../../core/native-input.ts';
import type { NativeResource, NativeRestore } from '../../core/native.ts';
import type { OpenedNativeRestore, OpenRestoreEvent, RestoreInput } from '../../core/payloads.ts';
import { passwordWarnings } from '../../services/passwords.ts';
import { closeDead, takeLock } from '../shared/locking.ts';
import { ofFailure } from '../shared/outcome.ts';
import type { Parts } from '../shared/parts.ts';
import { checkingEngine, checkOf } from './check.ts';
import { readSource, type Source } from './restore-source.ts';
import { serviceOf } from './services.ts';

export type OpenNativeParts = Pick<
  Parts,
  'catalog' | 'vault' | 'config' | 'executions' | 'tasks' | 'services' | 'pointers' | 'now'
>;

export interface Asked {
  readonly event: OpenRestoreEvent;
  readonly input: RestoreInput;
  readonly target: NativeTarget;
  /** The backup that `at` names; of the target's good ones. */
  readonly choose: () => Promise<BackupRecord>;
}

/** @throws NightjarError RESTORE_REFUSED with every reason; TARGET_BUSY; NO_BACKUP, BACKUP_UNKNOWN, BACKUP_NOT_GOOD. */
export async function openNative(parts: OpenNativeParts, asked: Asked): Promise<OpenedNativeRestore> {
  const { event, input, target } = asked;
  const id = idOfExecution(event.executionArn, event.startedAt);
  const reasons = refusalsOfInput(input, target);
  if (reasons.length > 0) throw refused(target, reasons);
  const lock = { target: target.name, kind: 'restore', id, executionArn: event.executionArn } as const;
  // First, so that what is read is not changed by another restore. A copy beside the original is in nobody's way.
  if (input.mode !== 'new') await takeLock(parts, lock);
  // A retried state goes on with what it decided the first time.
  const before = await parts.catalog.getRestore(id);
  const record = before ?? (await decided(parts, asked, id));
  if (!(await parts.catalog.openRestore(record))) await refuseWhenClosed(parts, record);
  if (await parts.executions.isOver(event.executionArn)) {
    // Stopped meanwhile: the rule has looked before there was a record, and nobody would close it.
    await closeDead(parts, lock);
    throw new NightjarError('EXECUTION_ABORTED', { operation: 'open restore', detail: `Restore ${id}.` });
  }
  return openedOf(record, asked);
}

function openedOf({ restoreId, native }: RestoreRecord, { input, target }: Asked): OpenedNativeRestore {
  const checked =
    native !== undefined && checkOf(target) !== undefined && checkingEngine(native.settings) !== undefined;
  return {
    way: target.engine === 'dynamodb' ? 'table' : 'server',
    id: restoreId,
    target: target.name,
    attempt: 1,
    mode: input.mode,
    approve: input.approve ?? false,
    check: checked,
    original: native?.original !== undefined,
    set: input.set !== undefined,
  };
}

const refused = (target: NativeTarget, reasons: readonly string[]): NightjarError =>
  new NightjarError('RESTORE_REFUSED', {
    operation: 'open restore',
    detail: `${target.name}: ${reasons.join(' ')}`,
  });

/** Reads everything, and asks the service what speaks against it: a sentence each. Nothing is changed. */
export async function judge(
  parts: Pick<OpenNativeParts, 'catalog' | 'vault' | 'services'>,
  asked: Omit<Asked, 'event'>,
  id: string,
): Promise<{ readonly source: Source; readonly native: NativeRestore; readonly reasons: readonly string[] }> {
  const { input, target } = asked;
  const source = await readSource(parts, asked);
  const native = planOf(source, asked, id);
  const service = serviceOf(parts, target.engine);
  const { name } = native.settings;
  // Mode `new` beside nothing is as good as beside something; the service judges names, moments and quotas.
  // An original that was set aside before has its old name: that it is taken is no reason against it.
  const judged = source.setAside ? { ...native, oldName: undefined } : native;
  const reasons = [...source.reasons, ...(await service.refusals(judged, name, input.mode))];
  if (input.mode === 'items' && !source.resource) reasons.push(`There is no table ${name} that items could go into.`);
  return { source, native, reasons };
}

/** Writes the whole plan down. @throws NightjarError RESTORE_REFUSED with every reason. */
async function decided(parts: OpenNativeParts, asked: Asked, id: string): Promise<RestoreRecord> {
  const { event, input, target } = asked;
  const { source, native, reasons } = await judge(parts, asked, id);
  const { name } = native.settings;
  if (reasons.length > 0) throw refused(target, reasons);
  // A pointer that can't be read is better found before hours of restoring than after.
  if (input.mode === 'pointer' && target.pointer) await parts.pointers.read(target.pointer);
  const database = input.mode === 'new' || input.mode === 'pointer' ? native.alias : name;
  const warnings = [
    ...source.warnings,
    ...unchecked(target, native),
    ...passwordWarnings(native.settings, native.from.at, database),
  ];
  return {
    restoreId: id,
    target: target.name,
    destination: target.name,
    ...(source.backupId === undefined ? {} : { backupId: source.backupId }),
    mode: input.mode,
    database,
    status: 'RUNNING',
    executionArn: event.executionArn,
    ...(input.requestedBy === undefined ? {} : { requestedBy: input.requestedBy }),
    startedAt: new Date(event.startedAt).toISOString(),
    ...(warnings.length === 0 ? {} : { warnings }),
    ...(input.set === undefined ? {} : { set: { ...input.set, at: new Date(input.at).toISOString() } }),
    native,
  };
}

function planOf(source: Source, { input, target }: Omit<Asked, 'event'>, id: string): NativeRestore {
  const { settings, resource, setAside, from } = source;
  const { engine } = target;
  const original = resource ?? setAside?.resource;
  return {
    from,
    alias: aliasResource(engine, settings.name, id),
    ...(input.mode === 'swap' && engine !== 'dynamodb' && original
      ? { oldName: setAside?.name ?? replacedResource(engine, settings.name, id) }
      : {}),
    ...(original ? { original: identityOf(original) } : {}),
    settings,
    steps: {},
    serving: resource ? 'original' : 'nothing',
  };
}

const identityOf = ({ settings: { arn, resourceId } }: NativeResource): { arn: string; resourceId: string } => ({
  arn,
  resourceId,
});

function unchecked(target: NativeTarget, { settings }: NativeRestore): string[] {
  if (checkOf(target) === undefined || checkingEngine(settings) !== undefined) return [];
  return [
    `No task can look into ${settings.server?.engine ?? 'it'} yet: the check queries of ${target.name} are not run.`,
  ];
}

async function refuseWhenClosed(parts: OpenNativeParts, { restoreId, destination }: RestoreRecord): Promise<void> {
  const there = await parts.catalog.getRestore(restoreId);
  if (there?.status === 'RUNNING') return;
  await parts.catalog.unlock(destination, 'restore', restoreId);
  if (there?.failure) throw ofFailure(there.failure);
  throw new NightjarError('EXECUTION_FAILED', {
    operation: 'open restore',
    detail: `The restore ${restoreId} is ${there?.status ?? 'gone'} already.`,
  });
}
