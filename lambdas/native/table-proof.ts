/** What must be true before a table may be deleted. */
import type { NativeResource } from '../../core/native.ts';
import type { TableLook } from './table.ts';

/** Everything that is not proven, a sentence each; empty when the original may go. It is read anew, nothing is remembered. */
export async function notProven(look: TableLook, table: NativeResource): Promise<string[]> {
  return [...(await ofOriginal(look, table)), ...(await ofAlias(look)), ...(await ofBackups(look))];
}

async function ofOriginal({ looked, service, name }: TableLook, table: NativeResource): Promise<string[]> {
  const { original, fencedAt, fencedPolicy } = looked.record.native;
  // By what was done, whatever the config says by now: without a policy of ours the application promised to stop.
  const fenced = fencedAt !== undefined && (fencedPolicy === undefined || (await service.fenced(name)));
  return sentences([
    [table.settings.resourceId === original?.resourceId, `${name} is not the table that it was when this was begun.`],
    [table.replicas.length === 0, `${name} has replicas (${table.replicas.join(', ')}).`],
    [fenced, `Writes to ${name} are not kept away.`],
  ]);
}

async function ofAlias({ looked, service }: TableLook): Promise<string[]> {
  const { alias, restored, steps, counts } = looked.record.native;
  const table = await service.read(alias);
  return sentences([
    [
      table?.state === 'ready' && table.settings.resourceId === (restored?.resourceId ?? '(none)'),
      `The restored table ${alias} is ${table?.stateWord ?? 'not there'}, or not the one that was made.`,
    ],
    [
      steps.VerifyTable?.doneAt !== undefined && counts?.alias !== undefined,
      `The restored table ${alias} was not verified.`,
    ],
  ]);
}

async function ofBackups({ looked, service }: TableLook): Promise<string[]> {
  const { backups, original, restored, fencedAt } = looked.record.native;
  const both = await Promise.all([
    ofBackup(service, "The original's backup", backups?.original, original?.resourceId),
    ofBackup(service, "The restored table's backup", backups?.restored, restored?.resourceId),
  ]);
  const point = backups?.original === undefined ? undefined : (await service.pointState(backups.original))?.point;
  const newer = point && fencedAt ? Date.parse(point.at) >= Date.parse(fencedAt) : false;
  return [
    ...both.flat(),
    ...sentences([
      [newer, `The original's backup is of ${point?.at ?? 'no moment'}, its writes end at ${fencedAt ?? 'no moment'}.`],
    ]),
  ];
}

async function ofBackup(
  service: TableLook['service'],
  what: string,
  arn: string | undefined,
  resourceId: string | undefined,
): Promise<string[]> {
  if (arn === undefined || resourceId === undefined) return [`${what} is not known.`];
  const state = await service.pointState(arn);
  return sentences([
    [state?.status === 'ready', `${what} ${arn} is ${state?.stateWord ?? 'not there'}.`],
    [
      state?.point?.sourceResourceId === resourceId,
      `${what} ${arn} is of the table ${state?.point?.sourceResourceId ?? '(not known)'}, not of ${resourceId}.`,
    ],
  ]);
}

const sentences = (claims: readonly (readonly [boolean, string])[]): string[] =>
  claims.filter(([holds]) => !holds).map(([, sentence]) => sentence);
