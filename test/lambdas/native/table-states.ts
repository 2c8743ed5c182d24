/** The states of a table's swap, called one by one over a world that is made anew for each test. */
import { beforeEach } from 'vitest';
import { makeApplyTable } from '../../../lambdas/ApplyTable.ts';
import { makeBackUpAlias } from '../../../lambdas/BackUpAlias.ts';
import { makeDeleteTable } from '../../../lambdas/DeleteTable.ts';
import { makeFenceTable } from '../../../lambdas/FenceTable.ts';
import { makeOpenTable } from '../../../lambdas/OpenTable.ts';
import { makeRecreateTable } from '../../../lambdas/RecreateTable.ts';
import { makeRestoreTable } from '../../../lambdas/RestoreTable.ts';
import { makeVerifyTable } from '../../../lambdas/VerifyTable.ts';
import type { TableEvent } from '../../../lambdas/native/table.ts';
import { tableWorld, type TableWorld } from './table-world.ts';

export let world: TableWorld;
const makers = () => ({
  restore: makeRestoreTable(world.parts),
  verify: makeVerifyTable(world.parts),
  fence: makeFenceTable(world.parts),
  backUp: makeBackUpAlias(world.parts),
  remove: makeDeleteTable(world.parts),
  recreate: makeRecreateTable(world.parts),
  apply: makeApplyTable(world.parts),
  open: makeOpenTable(world.parts),
});
export let states: ReturnType<typeof makers>;
export let event: TableEvent;

export async function begin(options: Parameters<typeof tableWorld>[0] = {}): Promise<void> {
  world = await tableWorld(options);
  states = makers();
  event = world.event();
}
/** Everything before the deletion. */
export async function prepared(): Promise<void> {
  await world.through(states.restore);
  await world.through(states.verify);
  await world.through(states.fence);
  event = await world.safety();
  await world.through(states.backUp, event);
}
export const itemsOf = (name: string) => [...(world.tables.tables.get(name)?.items ?? [])].sort();
export const refusal = (state: (event: TableEvent) => Promise<unknown>, from = event) =>
  world.through(state as never, from).then(
    () => 'it went on',
    (error: Error) => `${error.name}: ${error.message}`,
  );
export const serving = async () => (await world.native()).serving;

beforeEach(() => begin());
