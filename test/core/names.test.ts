import { describe, expect, it } from 'vitest';
import { idOfExecution } from '../../core/ids.ts';
import * as names from '../../core/names.ts';

const ID = idOfExecution('arn:x', '2026-11-21T01:30:00.000Z');
const NEXT = idOfExecution('arn:x', '2026-12-01T01:30:00.000Z');

describe('keys of the vault', () => {
  it('are parsed as they were built', () => {
    expect(names.parseVaultKey(names.manifestKey('shop', ID))).toEqual({
      target: 'shop',
      backupId: ID,
      isManifest: true,
    });
    for (const part of [1, 2, 12_345])
      expect(names.parseVaultKey(names.objectKey('shop', ID, 2, 'archive.dump', part))).toEqual({
        target: 'shop',
        backupId: ID,
        isManifest: false,
      });
  });

  it('sort by time, a backup’s manifest behind its data, parts in order', () => {
    const keys = [
      names.objectKey('shop', ID, 1, 'archive.dump'),
      names.objectKey('shop', ID, 1, 'archive.dump', 2),
      names.objectKey('shop', ID, 1, 'archive.dump', 10),
      names.objectKey('shop', ID, 2, 'archive.dump'),
      names.manifestKey('shop', ID),
      names.manifestKey('shop', NEXT),
    ];
    expect([...keys].sort()).toEqual(keys);
  });

  it('of others are not ours', () => {
    for (const key of [
      '',
      'a',
      'shop/2026/11/21/x/manifest.json',
      `Shop/2026/11/21/${ID}/manifest.json`,
      `shop/2026/11/21/${ID}/`,
    ])
      expect(names.parseVaultKey(key)).toBeUndefined();
  });
});

describe('runs', () => {
  it('are named by the moment they were scheduled for, and parsed back', () => {
    const id = names.runId('daily', '2026-11-21T01:30:00Z');
    expect(id).toBe('daily-20261121T013000Z');
    expect(names.runId('daily', '2026-11-21T01:30:00.000Z')).toBe(id);
    expect(names.parseRunId(id)).toEqual({ trigger: 'daily', scheduledTime: '2026-11-21T01:30:00.000Z' });
    expect(names.parseRunId('daily')).toBeUndefined();
  });
});

describe('databases beside the original', () => {
  const makers = [names.aliasDatabase, names.replacedDatabase, names.rolledBackDatabase, names.restoredDatabase];
  it('fit into 63 bytes, tell restores apart, and are never the original', () => {
    for (const database of ['shop', 'x'.repeat(63), 'ä'.repeat(31), '数据库'.repeat(7)]) {
      const made = makers.flatMap((make) => [
        make(database, ID),
        make(database, idOfExecution('arn:y', '2026-11-21T01:30:00.000Z')),
      ]);
      expect(new Set(made).size).toBe(made.length);
      for (const name of made) {
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
        expect(name).not.toContain('\uFFFD');
        expect(name).not.toBe(database);
      }
    }
  });
});

describe('state machines', () => {
  it('are recognised by their ARN, and those of another Nightjar are not', () => {
    for (const machine of names.MACHINES)
      expect(
        names.parseMachineArn(
          'shop',
          `arn:aws:states:eu-west-1:123456789012:stateMachine:${names.machineName('shop', machine)}`,
        ),
      ).toBe(machine);
    expect(
      names.parseMachineArn('shop', 'arn:aws:states:eu-west-1:123456789012:stateMachine:other-backup'),
    ).toBeUndefined();
  });
});
