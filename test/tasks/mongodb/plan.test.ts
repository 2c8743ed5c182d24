/** What mongodump is told. What only a replica set can do is seen here by its words, for want of one. */
import { describe, expect, it } from 'vitest';
import { namesOf } from '../../../tasks/engines/mongodb/oplog.ts';
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
    const whole = planDump('shop', { allDatabases: true }, 'replicaSet', all);
    expect(whole).toMatchObject({
      args: ['--archive', '--oplog'],
      consistency: 'none',
      warning: expect.stringContaining('--oplogReplay') as string,
    });
    for (const topology of ['standalone', 'sharded'] as const) {
      expect(planDump('shop', { allDatabases: true }, topology, all)).toMatchObject({
        args: ['--archive'],
        consistency: 'none',
      });
      expect(planDump('shop', undefined, topology, all).warning).toContain('one after the other');
    }
    expect(planDump('shop', undefined, 'replicaSet', all).consistency).toBe('none');
    expect(args('shop', undefined, 'replicaSet', all)).toBe(`--archive --db=shop ${OURS}`);
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

  it('knows which collections an entry of the oplog changes', () => {
    expect(namesOf({ op: 'i', ns: 'shop.a', o: { _id: 1 } })).toEqual(['shop.a']);
    expect(namesOf({ op: 'n', ns: '', o: { msg: 'periodic noop' } })).toEqual([]);
    expect(namesOf({ op: 'c', ns: 'shop.$cmd', o: { create: 'new one' } })).toEqual(['shop.new one']);
    const transaction = {
      applyOps: [
        { op: 'u', ns: 'shop.a' },
        { op: 'd', ns: 'bank.b' },
      ],
    };
    expect(namesOf({ op: 'c', ns: 'admin.$cmd', o: transaction })).toEqual(['shop.a', 'bank.b']);
  });
});
