import { expect, it } from 'vitest';
import { nativePhase } from '../../cli/native/phases.ts';
import { DEFINITIONS } from '../../lib/workflows/index.ts';
import type { States } from '../../lib/workflows/states.ts';
import { PARTS } from '../workflows/parts.ts';

const statesOf = (natives: { servers: boolean; tables: boolean }): States =>
  Object.assign(
    {},
    ...(['backup', 'restore', 'rollback'] as const).map((one) => DEFINITIONS[one]({ ...PARTS, natives }).States),
  ) as States;

it('every state in which a native backup, restore or rollback does something has words for who watches', () => {
  const dumps = statesOf({ servers: false, tables: false });
  const natives = Object.entries(statesOf({ servers: true, tables: true })).filter(([name]) => !(name in dumps));
  const waits = natives.filter(([name, { Type }]) => (Type === 'Task' || Type === 'Wait') && name !== 'CloseNative');
  expect(waits.length).toBeGreaterThan(30);
  expect(waits.map(([name]) => name).filter((name) => nativePhase(name) === undefined)).toEqual([]);
});
