/** What holds after a restore, however it ended. */
import { expect } from 'vitest';
import type { RestoreRecord } from '../../core/backup.ts';
import { isErrorCode } from '../../core/errors.ts';
import { EVENTS } from '../../core/names.ts';
import type { World } from '../lambdas/support/world.ts';
import type { Place } from './fake-server.ts';
import type { Ended } from './calls.ts';
import type { Harness } from './harness.ts';

export interface Restored {
  readonly harness: Harness;
  readonly place: Place;
  readonly target: string;
  readonly database: string;
  /** What served before, and what the backup holds. */
  readonly living: string;
  readonly backed: string;
}

/** The sentence about which data serves, as it was told to the world. */
function sentenceOf(world: World, { id, cause }: Ended): string {
  const told = world.published.findLast((one) => one.name === EVENTS.restoreFailed && one.detail.restoreId === id);
  return typeof told?.detail.serving === 'string' ? told.detail.serving : (cause ?? '');
}

/** Which data a sentence says to serve. */
function saidToServe(sentence: string, databases: readonly string[]): 'living' | 'backed' | 'either' {
  const silent = /The task fell silent: if the server has a database (\S+), the restored data serves/.exec(sentence);
  if (silent) return databases.includes(silent[1]!) ? 'backed' : 'living';
  if (/Nothing was touched|[Tt]he old data serves under|What served on \S+ before serves on/.test(sentence))
    return 'living';
  if (/The restored data serves under|The restore itself is COMPLETED/.test(sentence)) return 'backed';
  if (sentence.includes('Whether the overwrite was committed is not known')) return 'either';
  throw new Error(`It is not said what serves: ${sentence}`);
}

/** Old or restored data serves, the record says which, and what served before is there in whole. */
export async function expectNothingLost(restored: Restored, ended: Ended): Promise<void> {
  const { harness, place, database, living, backed } = restored;
  const { world } = harness;
  const record = await world.catalog.getRestore(ended.id);
  const databases = await place.databases();
  const serves = await place.holds(database);
  if (record?.status === 'COMPLETED') {
    expect(await place.holds(record.restoredDatabase!)).toBe(backed);
    if (record.mode === 'new') expect(serves).toBe(living);
  } else {
    // One that was refused before it had a record has touched nothing.
    expect(record === undefined || record.status === 'FAILED', record?.status).toBe(true);
    if (record) expect(isErrorCode(record.failure?.code ?? '')).toBe(true);
    // Stopped while it opened: it has touched nothing, and whoever stopped it knows.
    const unborn = record === undefined || (ended.status === 'ABORTED' && ended.called.join() === 'OpenRestore');
    const said = unborn ? 'living' : saidToServe(sentenceOf(world, ended), databases);
    expect(said === 'either' ? [living, backed] : [restored[said]]).toContain(serves);
  }
  await expectKept(restored, record, databases);
}

/** What served before serves, or lies where the record says it does. */
async function expectKept(
  { harness, place, database, target, living }: Restored,
  record: RestoreRecord | undefined,
  databases: readonly string[],
): Promise<void> {
  if ((await place.holds(database)) === living) return;
  if (record?.mode === 'overwrite') {
    const safety = await harness.world.catalog.getBackup(target, record.safetyBackupId ?? '');
    expect(safety, 'the record names its safety backup').toMatchObject({ status: 'COMPLETED' });
    expect(await place.backed(target, record.safetyBackupId!)).toBe(living);
    return;
  }
  const old = record?.replacedDatabase ?? databases.find((one) => one.startsWith(`${database}_old_`));
  expect(await place.holds(old ?? '')).toBe(living);
}

/** Nobody is kept out, and nothing is left open. */
export async function expectFree({ harness: { world }, target }: Pick<Restored, 'harness' | 'target'>): Promise<void> {
  for (const kind of ['backup', 'restore'] as const) {
    const wish = { target, kind, id: 'SOMEBODY', executionArn: 'arn', since: world.now().toISOString() };
    expect(await world.catalog.lock(wish)).toEqual({ taken: true });
    await world.catalog.unlock(target, kind, 'SOMEBODY');
  }
  expect((await world.catalog.listRestores()).filter((one) => one.status === 'RUNNING')).toEqual([]);
  expect((await world.catalog.listBackups()).filter((one) => one.status === 'RUNNING')).toEqual([]);
}
