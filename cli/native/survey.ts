/** What is there now and what speaks against a restore: read live for a plan, and nothing is changed. */
import { nativeManifest, type BackupRecord, type RestoreRecord } from '../../core/backup.ts';
import { chooseBackup } from '../../core/backup-choice.ts';
import { resourceOf, type NativeTarget } from '../../core/config.ts';
import { isId } from '../../core/ids.ts';
import { aliasResource, replacedResource } from '../../core/names.ts';
import type { NativeResource, NativeRestore, NativeSettings } from '../../core/native.ts';
import type { RestoreInput } from '../../core/payloads.ts';
import { remadeBy } from '../../core/remade.ts';
import { unfinishedSwap, type NativeRecord } from '../../core/serving.ts';
import { isDenied, toCommandError } from '../aws-errors.ts';
import type { Session } from '../session.ts';

/** Stands for a restore's id, which nobody knows before its execution has begun. */
const NO_ID = '0'.repeat(26);
export const withoutId = (text: string): string => text.replaceAll(/0{10}/g, '<id>');
/** Names that a restore will make, with the placeholder in them. */
export const aliasOf = ({ engine }: NativeTarget, name: string): string => aliasResource(engine, name, NO_ID);
export const oldNameOf = ({ engine }: NativeTarget, name: string): string => replacedResource(engine, name, NO_ID);

export interface Survey {
  /** As it is now; undefined when it is gone, `unknown` when you may not look. */
  readonly resource: NativeResource | undefined | 'unknown';
  /** The backup that is restored; undefined for a moment of the service's own log, and where `unfinished` decides. */
  readonly backup: BackupRecord | undefined;
  /** A swap that broke off with the name empty, or made the table again: this restore goes on from there. */
  readonly unfinished: NativeRecord | undefined;
  /** Why it would be refused; undefined when nobody could say. */
  readonly refusals: readonly string[] | undefined;
  /** Of this target, newest first. */
  readonly restores: readonly RestoreRecord[];
}

/** @throws NightjarError NO_BACKUP, BACKUP_UNKNOWN, BACKUP_NOT_GOOD. */
export async function survey(session: Session, target: NativeTarget, input: RestoreInput): Promise<Survey> {
  const { catalog } = await session.vault();
  const service = session.world.service(target.engine);
  const resource = await unlessDenied(() => service.read(resourceOf(target)), 'unknown' as const);
  const restores = await catalog.listRestores({ target: target.name });
  const unfinished = unfinishedOf(resource, restores, input);
  // As the workflow: PITR first; without it, and of what is gone, a backup.
  const wantsBackup =
    isId(input.at) ||
    (resource !== 'unknown' && !unfinished && (!resource || (input.at === 'latest' && !resource.window.on)));
  const chosen = wantsBackup ? await chooseBackup(catalog, target.name, input.at) : undefined;
  const found = { resource, unfinished, restores };
  if (resource === undefined && chosen && !isId(input.at) && input.at !== 'latest')
    return ofGoneMoment(target, chosen, found);
  const refusals =
    resource === 'unknown' || unfinished
      ? undefined
      : await unlessDenied(() => refusalsOf(session, target, input, resource, chosen), undefined);
  return { ...found, backup: chosen, refusals };
}

/** A swap that broke off with the name empty, or that made the table again: what it had restored is still in its backup. */
function unfinishedOf(
  resource: Survey['resource'],
  restores: readonly RestoreRecord[],
  { at }: RestoreInput,
): NativeRecord | undefined {
  if (resource === undefined) return unfinishedSwap(restores);
  return resource === 'unknown' || at === 'latest' || isId(at) ? undefined : remadeBy(restores, resource, at);
}

/**
 * A deleted table has no moments any more; what the service keeps of a deleted server the workflow asks.
 * Source: AWS, DynamoDB Developer Guide, "Point-in-time recovery".
 */
function ofGoneMoment(
  target: NativeTarget,
  { backupId }: BackupRecord,
  found: Pick<Survey, 'resource' | 'unfinished' | 'restores'>,
): Survey {
  if (target.engine !== 'dynamodb') return { ...found, backup: undefined, refusals: undefined };
  const why = `${resourceOf(target)} is gone, and with it the moments of its point-in-time recovery; restore its backup: --at ${backupId}.`;
  return { ...found, backup: undefined, refusals: [why] };
}

async function refusalsOf(
  session: Session,
  target: NativeTarget,
  input: RestoreInput,
  resource: NativeResource | undefined,
  backup: BackupRecord | undefined,
): Promise<readonly string[] | undefined> {
  const source = backup
    ? await ofBackup(session, backup)
    : resource && { settings: resource.settings, from: ofMoment(resource.settings, input.at) };
  if (!source) return undefined;
  const { settings, from } = source;
  const plan: NativeRestore = {
    from,
    alias: aliasOf(target, settings.name),
    ...(input.mode === 'swap' && target.engine !== 'dynamodb' && resource
      ? { oldName: oldNameOf(target, settings.name) }
      : {}),
    ...(resource ? { original: { arn: resource.settings.arn, resourceId: resource.settings.resourceId } } : {}),
    settings,
    steps: {},
    serving: resource ? 'original' : 'nothing',
  };
  return (await session.world.service(target.engine).refusals(plan, settings.name, input.mode)).map(withoutId);
}

const ofMoment = ({ arn, resourceId }: NativeSettings, at: string): NativeRestore['from'] => ({
  kind: 'moment',
  sourceArn: arn,
  sourceResourceId: resourceId,
  at,
});

async function ofBackup(
  session: Session,
  { backupId, manifestKey = '', manifestVersionId }: BackupRecord,
): Promise<{ readonly settings: NativeSettings; readonly from: NativeRestore['from'] }> {
  const { vault } = await session.vault();
  const { settings, points, snapshotAt } = nativeManifest(
    (await vault.readManifest(manifestKey, manifestVersionId)).manifest,
  );
  return { settings, from: { kind: 'point', backupId, arn: points[0]?.arn ?? '', at: snapshotAt } };
}

async function unlessDenied<T, U>(look: () => Promise<T>, otherwise: U): Promise<T | U> {
  try {
    return await look();
  } catch (thrown) {
    if (isDenied(thrown) || toCommandError(thrown).code === 'VAULT_DENIED') return otherwise;
    throw thrown;
  }
}
