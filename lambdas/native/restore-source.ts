/** From what a native restore is made, and how the database must be in the end: read from the service, else from a backup. */
import { nativeManifest, type BackupRecord, type NativeManifest } from '../../core/backup.ts';
import { resourceOf, type NativeTarget } from '../../core/config.ts';
import { isId } from '../../core/ids.ts';
import type { NativeResource, NativeRestore, NativeSettings } from '../../core/native.ts';
import type { RestoreInput } from '../../core/payloads.ts';
import { isSetRight, remadeBy } from '../../core/remade.ts';
import { unfinishedSwap, type NativeRecord } from '../../core/serving.ts';
import type { Parts } from '../shared/parts.ts';
import { whereIs } from './names.ts';
import { serviceOf } from './services.ts';
import { isGoing } from './serving.ts';

export interface Source {
  readonly from: NativeRestore['from'];
  readonly settings: NativeSettings;
  /** What has the name now. */
  readonly resource?: NativeResource;
  /** The original of a swap that broke off between two renames, and the name it is kept by. */
  readonly setAside?: { readonly name: string; readonly resource: NativeResource };
  /** Of the backup that is restored. */
  readonly backupId?: string;
  /** Why it can not work, and what a person should know of it. */
  readonly reasons: readonly string[];
  readonly warnings: readonly string[];
}

type Needs = Pick<Parts, 'catalog' | 'vault' | 'services'>;
interface Wish {
  readonly input: RestoreInput;
  readonly target: NativeTarget;
  readonly choose: () => Promise<BackupRecord>;
}
const SAYS_NOTHING = { reasons: [], warnings: [] } as const;

/** @throws NightjarError NO_BACKUP, BACKUP_UNKNOWN, BACKUP_NOT_GOOD, MANIFEST_INVALID. */
export async function readSource(parts: Needs, wish: Wish): Promise<Source> {
  const { input, target } = wish;
  const service = serviceOf(parts, target.engine);
  const resource = await service.read(resourceOf(target));
  if (resource && !isGoing(resource)) return ofLiving(parts, wish, resource);
  const unfinished = unfinishedSwap(await parts.catalog.listRestores({ target: target.name }));
  if (!unfinished) return ofDeleted(parts, wish);
  return unfinished.native.settings.engine === 'dynamodb'
    ? ofUnfinishedTable(parts, wish, unfinished)
    : ofUnfinishedServer(parts, wish, unfinished, input);
}

async function ofLiving(parts: Needs, wish: Wish, resource: NativeResource): Promise<Source> {
  const { settings, window } = resource;
  const { at } = wish.input;
  const said = { settings, resource, ...SAYS_NOTHING };
  if (isId(at)) return { ...said, ...(await ofBackup(parts, wish)) };
  if (at !== 'latest')
    return (await ofRemade(parts, wish, resource)) ?? { ...said, from: moment(settings, new Date(at).toISOString()) };
  if (window.on) return { ...said, from: moment(settings, 'latest') };
  const { from, backupId } = await ofBackup(parts, wish);
  return {
    ...said,
    from,
    backupId,
    warnings: [`Point-in-time recovery of ${settings.name} is off, so its last backup of ${from.at} was restored.`],
  };
}

const moment = ({ arn, resourceId }: NativeSettings, at: string): NativeRestore['from'] => ({
  kind: 'moment',
  sourceArn: arn,
  sourceResourceId: resourceId,
  at,
});

async function ofBackup(
  parts: Needs,
  { choose }: Wish,
): Promise<{ from: NativeRestore['from']; settings: NativeSettings; backupId: string }> {
  const { backupId, points, snapshotAt, settings } = await manifestOf(parts, await choose());
  const [{ arn } = { arn: '' }] = points;
  return { from: { kind: 'point', backupId, arn, at: snapshotAt }, settings, backupId };
}

async function manifestOf({ vault }: Needs, backup: BackupRecord): Promise<NativeManifest> {
  const { manifest } = await vault.readManifest(backup.manifestKey!, backup.manifestVersionId);
  return nativeManifest(manifest);
}

/**
 * A broken swap made the table again, so that its moments begin anew: what it had restored is still in its backup, and the same
 * command goes on from there.
 */
async function ofRemade(parts: Needs, { input, target }: Wish, resource: NativeResource): Promise<Source | undefined> {
  const { settings } = resource;
  const broken = remadeBy(await parts.catalog.listRestores({ target: target.name }), resource, input.at);
  const arn = broken?.native.backups?.restored;
  if (!broken || arn === undefined) return undefined;
  if ((await serviceOf(parts, target.engine).pointState(arn))?.status !== 'ready') return undefined;
  return {
    from: { kind: 'point', backupId: broken.restoreId, arn, at: new Date(input.at).toISOString() },
    settings: isSetRight(broken.native) ? settings : { ...settings, ...bare(broken.native.settings) },
    resource,
    reasons: [],
    warnings: [goesOn(broken.restoreId)],
  };
}
/** Everything that a table lost which was made again; who it is it says itself. */
const bare = ({ values, tags }: NativeSettings): Pick<NativeSettings, 'values' | 'tags'> => ({ values, tags });
const goesOn = (restoreId: string): string =>
  `It goes on from the backup that the broken restore ${restoreId} had made of the restored data.`;

/** It is gone: what it was is in its newest good backup, its data there or in what the service keeps of a deleted one. */
async function ofDeleted(parts: Needs, wish: Wish): Promise<Source> {
  const { input, target } = wish;
  const { at } = input;
  const newest = await ofBackup(parts, wish);
  if (at === 'latest') return (await ofKept(parts, wish, newest.settings)) ?? { ...SAYS_NOTHING, ...newest };
  if (isId(at)) return { ...SAYS_NOTHING, ...newest };
  const from = moment(newest.settings, new Date(at).toISOString());
  if (target.engine !== 'dynamodb') return { ...SAYS_NOTHING, settings: newest.settings, from };
  // Source: AWS, DynamoDB Developer Guide, "Point-in-time recovery": a deleted table has one system backup and no moments.
  return {
    ...SAYS_NOTHING,
    settings: newest.settings,
    from,
    reasons: [
      `${resourceOf(target)} is gone, and with it the moments of its point-in-time recovery; its backup before then is ${newest.backupId} of ${newest.from.at} (\`--at ${newest.backupId}\`).`,
    ],
  };
}

/** How a table was just before it was deleted, where the service still has that: its newest backup is mostly older. */
async function ofKept(parts: Needs, { input, target }: Wish, settings: NativeSettings): Promise<Source | undefined> {
  if (target.engine !== 'dynamodb') return undefined;
  const name = resourceOf(target);
  const from = moment(settings, 'latest');
  const plan: NativeRestore = { from, alias: name, settings, steps: {}, serving: 'nothing' };
  if ((await serviceOf(parts, target.engine).refusals(plan, name, input.mode)).length > 0) return undefined;
  const warnings = [
    `${name} is gone; it is restored as it was just before, from the backup that AWS kept then. Its settings are of its newest backup, read ${settings.readAt}.`,
  ];
  return { from, settings, reasons: [], warnings };
}

/** The original is under the name that the broken swap gave it: it is put there no second time. */
async function ofUnfinishedServer(
  parts: Needs,
  wish: Wish,
  { native }: NativeRecord,
  input: RestoreInput,
): Promise<Source> {
  const { original, oldName } = native;
  const found =
    original && oldName !== undefined
      ? await whereIs(serviceOf(parts, wish.target.engine), { resourceId: original.resourceId, names: [oldName] })
      : undefined;
  if (!found) return ofDeleted(parts, wish);
  const living = await ofLiving(parts, wish, found.resource);
  const { from, backupId, reasons, warnings } = living;
  return {
    from,
    settings: native.settings,
    ...(backupId === undefined ? {} : { backupId }),
    ...(input.mode === 'swap' ? { setAside: found } : {}),
    reasons,
    warnings,
  };
}

/** The table was deleted and not made again: both of its backups were proven before. */
async function ofUnfinishedTable(parts: Needs, wish: Wish, unfinished: NativeRecord): Promise<Source> {
  const { native, restoreId } = unfinished;
  const { at } = wish.input;
  const arn = native.backups?.restored;
  const same = at === 'latest' || (!isId(at) && Date.parse(at) === Date.parse(native.from.at));
  const state = arn !== undefined && same ? await serviceOf(parts, wish.target.engine).pointState(arn) : undefined;
  if (arn === undefined || state?.status !== 'ready') return ofDeleted(parts, wish);
  return {
    from: {
      kind: 'point',
      backupId: restoreId,
      arn,
      at: native.from.at === 'latest' ? state.point!.at : native.from.at,
    },
    settings: native.settings,
    reasons: [],
    warnings: [goesOn(restoreId)],
  };
}
