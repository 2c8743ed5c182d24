/** What mongodump is told. */
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../core/config-read.ts';
import { refuseForEngine } from '../../../core/payloads.ts';
import { CONFIG } from '../../lib/synth.ts';
import type { Manifest } from '../../../core/backup.ts';
import { batchOf } from '../../../tasks/engines/mongodb/load.ts';
import { planDump } from '../../../tasks/engines/mongodb/plan.ts';
import { topologyOf } from '../../../tasks/engines/mongodb/server.ts';

const all = ['a', 'b', 'c'].map((name) => ({ name, type: 'collection', options: {}, uuid: undefined }));
const args = (...given: Parameters<typeof planDump>): string => planDump(...given).args.join(' ');
/** An archive that mixes collections takes memory for each of them, when it is made and when it is restored. */
const ONE = '--numParallelCollections=1';
const OURS = '--excludeCollection=nightjar_restore --excludeCollection=nightjar_exchange';

describe('what mongorestore is told', () => {
  it('inserts few of the large documents at once, and as many as ever of the small ones', () => {
    const batch = (details: Manifest['source']['details']): number =>
      batchOf({ source: { details } as Manifest['source'] });
    expect([0, 1, 2_000].map((documentBytes) => batch({ documentBytes }))).toEqual([1_000, 1_000, 1_000]);
    expect(batch({ documentBytes: 16 * 1_024 })).toBe(128);
    expect(batch({ documentBytes: 16 * 1_024 * 1_024 })).toBe(1);
    // Of a backup that does not say it.
    expect(batch({})).toBe(1_000);
  });
});

describe('what mongodump is told', () => {
  it('knows what a server is by its hello', () => {
    expect(topologyOf({ isWritablePrimary: true })).toBe('standalone');
    expect(topologyOf({ setName: 'rs0', secondary: true })).toBe('replicaSet');
    expect(topologyOf({ msg: 'isdbgrid' })).toBe('sharded');
  });

  it('takes the oplog of a whole replica set, and of nothing else', () => {
    expect(planDump('shop', { allDatabases: true }, 'replicaSet', all)).toEqual({
      args: ['--archive', ONE, '--oplog'],
      oplog: true,
      warning: undefined,
    });
    for (const topology of ['standalone', 'sharded'] as const) {
      expect(planDump('shop', { allDatabases: true }, topology, all)).toMatchObject({ args: ['--archive', ONE] });
      expect(planDump('shop', undefined, topology, all).warning).toContain('one after the other');
    }
    expect(planDump('shop', undefined, 'replicaSet', all).warning).toContain('set scope.allDatabases');
    expect(args('shop', undefined, 'replicaSet', all)).toBe(`--archive ${ONE} --db=shop ${OURS}`);
    // Definitions alone are read by no tool, and no oplog with them.
    expect(planDump('shop', { allDatabases: true, schemaOnly: true }, 'replicaSet', all).oplog).toBe(false);
  });

  it('narrows by one name, or by leaving the others out', () => {
    expect(args('shop', { tables: ['b'] }, 'standalone', all)).toBe(`--archive ${ONE} --db=shop --collection=b`);
    expect(args('shop', { tables: ['a', 'b'] }, 'standalone', all)).toBe(
      `--archive ${ONE} --db=shop --excludeCollection=c ${OURS}`,
    );
    expect(args('shop', { exclude: ['a', 'gone'] }, 'standalone', all)).toBe(
      `--archive ${ONE} --db=shop --excludeCollection=a ${OURS}`,
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
