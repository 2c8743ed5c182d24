/** A restore that came through, to be taken back; and what holds however that ended. */
import { expect } from 'vitest';
import type { NativeTarget } from '../../core/config.ts';
import { isNativeRecord, type NativeRecord } from '../../core/serving.ts';
import type { Ended } from './calls.ts';
import { openCase, type NativeCase } from './native-case.ts';
import { expectFree } from './restore-promises.ts';
import { servers } from './server-case.ts';
import { GOOD } from './table-case.ts';

export type Mode = 'swap' | 'pointer';
export interface Swapped {
  readonly one: NativeCase;
  readonly mode: Mode;
  /** Of the restore. */
  readonly id: string;
  /** Resource ids of what was restored and of what was there before. */
  readonly restored: string;
  readonly original: string;
}

export async function openSwapped(
  engine: NativeCase['engine'],
  mode: Mode = 'swap',
  target: object = {},
): Promise<Swapped> {
  const one = await openCase(engine, target);
  const at = one.table?.backupId ?? 'latest';
  const { id, cause } = await one.harness.run('restore', { target: one.target, at, mode }, one.before);
  expect(cause).toBeUndefined();
  await one.rest();
  const { native } = await recordOf(one, id);
  // The table under the name is made from a backup of the alias.
  const restored = (mode === 'swap' ? native.recreated : undefined) ?? native.restored!;
  return { one, mode, id, restored: restored.resourceId, original: one.original };
}

export async function recordOf({ world }: NativeCase, id: string): Promise<NativeRecord> {
  const record = await world.catalog.getRestore(id);
  if (isNativeRecord(record)) return record;
  throw new Error(`${id} is no native restore.`);
}

/** Which data an application finds, by name or by pointer. */
export async function found({ one, mode, restored, original }: Swapped): Promise<'original' | 'restored' | 'nothing'> {
  if (mode === 'pointer') {
    const { targets } = await one.world.config();
    const says = await one.world.pointers.read((targets[0] as NativeTarget).pointer!);
    return says === (one.server ? 'shop.example.org' : 'orders') ? 'original' : 'restored';
  }
  const holder = one.holder();
  if (!holder?.serves) return 'nothing';
  // A table's original comes back as another table: by its items.
  if (one.table) return one.table.tables.tables.get('orders')!.items.get('a') === 'spoilt' ? 'original' : 'restored';
  return holder.id === original ? 'original' : holder.id === restored ? 'restored' : 'nothing';
}

/** Neither the original nor what was restored is lost: it is there, or in a recovery point that can be restored now. */
export function expectBothKept({ one, restored, original, mode }: Swapped): void {
  if (one.server) {
    expect(servers(one.server).map(({ id }) => id)).toEqual(expect.arrayContaining([original, restored]));
    return;
  }
  const { tables, backups } = one.table!.tables;
  const held = [...tables.values(), ...backups.values()].map(({ items }) => items);
  expect(held.some((items) => items.get('a') === 'spoilt')).toBe(true);
  expect(held.some((items) => items.get('a') === GOOD.get('a'))).toBe(true);
  if (mode === 'pointer') expect([...tables.values()].map(({ id }) => id)).toEqual([original, restored]);
}

/** To go back with a table is a restore of its own: the word of the newest one holds. */
async function saidToServe({ one, id, mode }: Swapped): Promise<NativeRecord['native']['serving']> {
  const [newest] = await one.world.catalog.listRestores({ target: one.target });
  const { native } = await recordOf(one, one.table && mode === 'swap' ? newest!.restoreId : id);
  if (newest!.restoreId === id || native.serving === 'nothing') return native.serving;
  return native.serving === 'restored' ? 'original' : 'restored';
}

/** One of the two serves, neither is lost, and the record says which. After an execution was stopped from outside nothing may serve. */
export async function expectRollbackClosed(swap: Swapped, ended: Ended): Promise<void> {
  const { one, id } = swap;
  const worst = one.harness.ended.some((each) => each.status === 'ABORTED');
  await one.rest();
  const { status } = await recordOf(one, id);
  const serves = await found(swap);
  expectBothKept(swap);
  if (!worst) {
    expect(['original', 'restored']).toContain(serves);
    expect(one.table?.tables.tables.get('orders')?.fencedAt, 'the fence is lifted').toBeUndefined();
  }
  // Noted before anything is changed: who reads it after a crash expects the worst.
  const said = await saidToServe(swap);
  if (!(worst && said === 'nothing')) expect(said, 'what the records say').toBe(serves);
  expect(['COMPLETED', 'ROLLED_BACK']).toContain(status);
  if (status === 'ROLLED_BACK') expect(serves).toBe('original');
  if (ended.status === 'SUCCEEDED') expect(status).toBe('ROLLED_BACK');
  await expectFree(one);
}

/** Started again it comes to its end; once it has, there is nothing more to take back. */
export async function expectRollsBackAgain(swap: Swapped): Promise<void> {
  const { one, id } = swap;
  one.mishap = undefined;
  await one.rest();
  const done = (await recordOf(one, id)).status === 'ROLLED_BACK';
  const again = await one.harness.run('rollback', { restoreId: id }, one.before);
  if (done) expect(again).toMatchObject({ status: 'FAILED', error: 'ROLLBACK_IMPOSSIBLE' });
  else expect(again.cause).toBeUndefined();
  await one.rest();
  expect(await found(swap)).toBe('original');
  expect(await recordOf(one, id)).toMatchObject({ status: 'ROLLED_BACK', native: { serving: 'original' } });
  expectBothKept(swap);
  await expectFree(one);
}

/** Rolls it back; however that ended, what must hold does, and it can be run again. */
export async function expectRollback(swap: Swapped): Promise<void> {
  const { one, id } = swap;
  const ended = await one.harness.run('rollback', { restoreId: id }, one.before);
  one.mishap = undefined;
  await one.harness.rule();
  await expectRollbackClosed(swap, ended);
  await expectRollsBackAgain(swap);
}
