import { expect, it } from 'vitest';
import type { NativeSettings } from '../../../core/native.ts';
import { checkingEngine } from '../../../lambdas/native/check.ts';

const running = (engine: string) =>
  checkingEngine({ server: { engine, version: '1', port: 1 } as unknown as NonNullable<NativeSettings['server']> });

it.each([
  ['postgres', 'postgres'],
  ['aurora-postgresql', 'postgres'],
  ['mysql', 'mysql'],
  ['aurora-mysql', 'mysql'],
  ['mariadb', 'mariadb'],
])('what RDS calls %s is looked into as %s', (name, engine) => {
  expect(running(name)).toBe(engine);
});

it.each(['oracle-ee', 'sqlserver-se', 'custom-postgres', 'postgresql'])('%s is looked into by no task', (name) => {
  expect(running(name)).toBeUndefined();
});

it('a table is looked into by no task', () => {
  expect(checkingEngine({})).toBeUndefined();
});
