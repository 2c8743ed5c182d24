import { describe, expect, it } from 'vitest';
import {
  leftResource,
  openQuestion,
  servingSentence,
  undoneName,
  unfinishedSwap,
  wayBackOf,
} from '../../core/serving.ts';
import { nativeRestore, tableRestore, waitingRestore } from '../cli/native-world.ts';
import { at, NOW } from '../cli/world.ts';

const broken = nativeRestore(3, { status: 'FAILED' }, { serving: 'nothing' });
const early = nativeRestore(
  3,
  { status: 'FAILED' },
  { serving: 'original', steps: { RestoreServer: { startedAt: at(3) } }, restored: undefined },
);

describe('which data serves', () => {
  it('after a swap is said with the name that the original is kept by, and how to go back', () =>
    expect(servingSentence(nativeRestore(3))).toMatch(
      /^The restored data serves under shop-db; the original is kept as shop-db-old-0123456789\. `nightjar rollback [0-9A-Z]{26}`/,
    ));
  it('of a name that nothing serves is shouted, with where both are', () => {
    expect(servingSentence(broken)).toMatch(
      /^NOTHING SERVES UNDER shop-db\. Nothing is lost: the original is shop-db-old-/,
    );
    const table = tableRestore(
      3,
      { status: 'FAILED' },
      { serving: 'nothing', backups: { original: 'arn:o', restored: 'arn:r' } },
    );
    expect(servingSentence(table)).toMatch(/^NOTHING SERVES UNDER orders\..*arn:o.*arn:r.*Start the restore again/);
  });
  it('after a rollback is the original, and what was restored has the name that the rollback gave it', () => {
    const steps = { RestoreServer: { startedAt: at(3) }, RollBackNames: { startedAt: at(2) } };
    const back = nativeRestore(3, { status: 'ROLLED_BACK' }, { serving: 'original', steps });
    expect(servingSentence(back)).toBe(
      `The original serves under shop-db. What was restored is ${undoneName(back.native, back.restoreId)}.`,
    );
    expect(servingSentence({ ...back, status: 'COMPLETED' })).toContain(` or ${back.native.alias}.`);
  });
  it('of a restore that failed early is the original, and what it left is named', () =>
    expect(servingSentence(early)).toMatch(
      /^The original serves under shop-db\. What was restored, if it was begun, is shop-db-nj-.*pruner/,
    ));
});

describe('a table whose restore died behind its fence', () => {
  const begun = { startedAt: at(3), doneAt: at(3) };
  const dead = (native: object, status: 'FAILED' | 'RUNNING' | 'ROLLED_BACK' = 'FAILED') =>
    servingSentence(
      tableRestore(
        3,
        { status },
        { serving: 'original', steps: { RestoreTable: begun, FenceTable: begun }, ...native },
      ),
    );
  const fenced = { fencedAt: at(2), fencedPolicy: '' };
  const again = { steps: { RestoreTable: begun, FenceTable: begun, FenceRecreated: begun }, serving: 'restored' };
  const recreated = { arn: 'arn', resourceId: 'r' };

  it.each([
    ['denies writes', fenced, /The original serves .* Writes to orders are DENIED until the restore is started again/],
    ['may deny them, when it died at the fence itself', {}, /Writes to orders may be DENIED/],
    ['denies them also once it was made again', { ...fenced, ...again, recreated }, /restored .* are DENIED until/],
  ])('%s', (_, native, words) => expect(dead(native)).toMatch(words));

  it.each([
    ['when it was lifted', { ...fenced, openedAt: at(1) }],
    ['when the way back has looked', { steps: { FenceTable: begun, LiftFence: begun } }],
    ['where the application is stopped instead', { fencedAt: at(2) }],
    ['when it never came to it', { steps: { RestoreTable: begun } }],
    ['of a table that is away', { ...fenced, serving: 'nothing', steps: { FenceTable: begun, DeleteTable: begun } }],
  ])('says nothing of it %s', (_, native) => expect(dead(native)).not.toMatch(/DENIED/));

  it('says so while it runs, and no more when it was taken back', () => {
    expect(dead(fenced, 'RUNNING')).toMatch(/are DENIED until it comes to its end/);
    expect(dead(fenced, 'ROLLED_BACK')).not.toMatch(/DENIED/);
  });
});

describe('the way back', () => {
  it.each([
    ['a swap of names', nativeRestore(3), 'server'],
    ['a swap that broke off between the renames', broken, 'server'],
    ['a table whose original is a backup', tableRestore(3, { safetyBackupId: 'x' }), 'table'],
    [
      'a switched pointer',
      nativeRestore(3, { mode: 'pointer' }, { pointer: { where: 'p', before: 'a', after: 'b', switched: true } }),
      'pointer',
    ],
  ])('of %s is by %#', (_, record, way) => expect(wayBackOf(record).way).toBe(way));

  it.each([
    ['one that runs', nativeRestore(3, { status: 'RUNNING' }), /RUNNING/],
    ['one that is rolled back', nativeRestore(3, { status: 'ROLLED_BACK' }), /ROLLED_BACK/],
    ['a copy beside', nativeRestore(3, { mode: 'new' }), /mode was new/],
    ['one that never touched the name', early, /never came to its swap/],
    ['one whose original was removed', nativeRestore(3, { replacedDroppedAt: at(1) }), /removed at/],
    ['one of what was gone already', nativeRestore(3, {}, { original: undefined }), /no original/],
    ['a table without a safety backup', tableRestore(3), /kept no backup/],
    [
      'a table that was never touched',
      tableRestore(3, { safetyBackupId: 'x', status: 'FAILED' }, { steps: {}, serving: 'original' }),
      /the original serves/,
    ],
    [
      'a table whose original was made again',
      tableRestore(3, { safetyBackupId: 'x', status: 'FAILED' }, { serving: 'original' }),
      /the original serves/,
    ],
    ['a pointer that was never switched', nativeRestore(3, { mode: 'pointer' }), /never came to switch/],
  ])('there is none of %s', (_, record, why) => expect(wayBackOf(record).why).toMatch(why));
});

describe('a question before the outage', () => {
  it('is open until its time is over', () => {
    expect(openQuestion(waitingRestore(), NOW)?.token).toBe('the-token');
    expect(openQuestion(waitingRestore(), NOW + 24 * 3_600_000)).toBeUndefined();
  });
  it('is answered when a step began after it, though nobody noted the answer', () => {
    const record = waitingRestore();
    const steps = { ...record.native.steps, RenameOriginal: { startedAt: at(0.5) } };
    expect(openQuestion({ ...record, native: { ...record.native, steps } }, NOW)).toBeUndefined();
  });
  it('is over with its restore', () =>
    expect(openQuestion({ ...waitingRestore(), status: 'FAILED' }, NOW)).toBeUndefined());
});

describe('what a restore left and nobody uses', () => {
  const undone = nativeRestore(3, { status: 'ROLLED_BACK' }, { serving: 'original' });
  it.each([
    ['the replaced original of a swap', nativeRestore(3), 'shop-db-old-0123456789'],
    ['the alias of one that failed', early, 'shop-db-nj-0123456789'],
    ['what a rollback set aside', undone, undoneName(undone.native, undone.restoreId)],
    ['nothing while nothing serves: somebody has to decide first', broken, undefined],
    [
      'nothing of a copy that was asked for',
      nativeRestore(3, { mode: 'new' }, { oldName: undefined, serving: 'original' }),
      undefined,
    ],
    ['nothing that is removed', nativeRestore(3, { replacedDroppedAt: at(1) }), undefined],
    [
      'nothing that an application’s pointer names',
      nativeRestore(
        3,
        { mode: 'pointer', status: 'FAILED' },
        { oldName: undefined, pointer: { where: 'p', before: 'a', after: 'b', switched: true } },
      ),
      undefined,
    ],
  ])('is %s', (_, record, name) => expect(leftResource(record)).toBe(name));
});

describe('a swap that broke off', () => {
  it('is the newest one only, and only once the original was touched', () => {
    expect(unfinishedSwap([broken])?.restoreId).toBe(broken.restoreId);
    expect(unfinishedSwap([nativeRestore(1), broken])).toBeUndefined();
    expect(unfinishedSwap([early])).toBeUndefined();
    expect(unfinishedSwap([nativeRestore(1, { status: 'RUNNING' }), broken])?.restoreId).toBe(broken.restoreId);
  });
});
