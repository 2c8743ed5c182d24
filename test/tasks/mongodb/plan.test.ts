/** What mongodump is told. */
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../core/config-read.ts';
import { refuseForEngine } from '../../../core/payloads.ts';
import { CONFIG } from '../../lib/synth.ts';
import { planDump } from '../../../tasks/engines/mongodb/plan.ts';
import { topologyOf } from '../../../tasks/engines/mongodb/server.ts';

const all = ['a', 'b', 'c'].map((name) => ({ name, type: 'collection', options: {}, uuid: undefined }));
const args = (...given: Parameters<typeof planDump>): string => planDump(...given).args.join(' ');
const OURS = '--excludeCollection=nightjar_restore --excludeCollection=nightjar_exchange';

describe('what mongodump is told', () => {
  it('knows what a server is by its hello', () => {
    expect(topologyOf({ isWritablePrimary: true })).toBe('standalone');
    expect(topologyOf({ setName: 'rs0', secondary: true })).toBe('replicaSet');
    expect(topologyOf({ msg: 'isdbgrid' })).toBe('sharded');
  });

  it('takes the oplog of a whole replica set, and of nothing else', () => {
    expect(planDump('shop', { allDatabases: true }, 'replicaSet', all)).toEqual({
      args: ['--archive', '--oplog'],
      oplog: true,
      warning: undefined,
    });
    for (const topology of ['standalone', 'sharded'] as const) {
      expect(planDump('shop', { allDatabases: true }, topology, all)).toMatchObject({ args: ['--archive'] });
      expect(planDump('shop', undefined, topology, all).warning).toContain('one after the other');
    }
    expect(planDump('shop', undefined, 'replicaSet', all).warning).toContain('set scope.allDatabases');
    expect(args('shop', undefined, 'replicaSet', all)).toBe(`--archive --db=shop ${OURS}`);
    // Definitions alone are read by no tool, and no oplog with them.
    expect(planDump('shop', { allDatabases: true, schemaOnly: true }, 'replicaSet', all).oplog).toBe(false);
  });

  it('narrows by one name, or by leaving the others out', () => {
    expect(args('shop', { tables: ['b'] }, 'standalone', all)).toBe('--archive --db=shop --collection=b');
    expect(args('shop', { tables: ['a', 'b'] }, 'standalone', all)).toBe(
      `--archive --db=shop --excludeCollection=c ${OURS}`,
    );
    expect(args('shop', { exclude: ['a', 'gone'] }, 'standalone', all)).toBe(
      `--archive --db=shop --excludeCollection=a ${OURS}`,
    );
    expect(() => planDump('shop', { tables: ['nothing'] }, 'standalone', all)).toThrow(/no collection nothing/);
  });

  it('takes no documents without their definitions, and says why: in the config and of a restore', () => {
    const why = /documents and definitions come together/;
    const target = {
      name: 'shop',
      engine: 'mongodb',
      host: 'shop.example.org',
      database: 'shop',
      secret: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf',
    };
    const config = { ...CONFIG, targets: [{ ...target, scope: { dataOnly: true } }] };
    const refused: unknown = expect.objectContaining({ detail: expect.stringMatching(why) as string });
    expect(() => parseConfig(config)).toThrow(refused);
    const asked = (): void => refuseForEngine('mongodb', { scope: { dataOnly: true }, mode: 'new' });
    expect(asked).toThrow(refused);
  });
});
