import { expect, it } from 'vitest';
import { parseDumpTarget } from '../../../core/config.ts';
import { roomFinding } from '../../../tasks/files/room.ts';

const GIB = 1024 ** 3;
const finding = (gib: number, more: object = {}) =>
  roomFinding(
    parseDumpTarget({
      name: 'app',
      engine: 'sqlite',
      database: 'app.db',
      storage: { s3: { bucket: 'example-data' } },
      ...more,
    }),
    gib * GIB,
  );
const sized = (ephemeralGiB: number) => ({ size: { cpu: 1024, memoryMiB: 2048, ephemeralGiB } });

it('a file is well if its backup’s task is given enough, however small the probe’s own disk is', () => {
  expect(finding(40)).toMatchObject({ level: 'ok', what: expect.stringContaining('a disk of 93 GiB') as string });
  expect(finding(1)).toMatchObject({ level: 'ok' });
});

it('a size of the config that may be too small is told, and one that is too small for a single copy is bad', () => {
  expect(finding(20, sized(30))).toMatchObject({ level: 'warn', hint: expect.stringContaining('to 49') as string });
  expect(finding(20, sized(21))).toMatchObject({ level: 'bad', hint: expect.stringContaining('to 49') as string });
  expect(finding(20, sized(49))).toMatchObject({ level: 'ok' });
});

it('what no task has room for is told', () => {
  expect(finding(100)).toMatchObject({ level: 'warn' });
  expect(finding(190)).toMatchObject({ level: 'bad', hint: expect.stringContaining('no larger one') as string });
});
