/** A server whose disk is full in the middle of a restore. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memorySource } from '../../contracts/doubles.ts';
import { failure } from '../../contracts/engine-bench.ts';
import { FLAVOURS, leave, room, shop, type Room } from './room.ts';

describe.each(FLAVOURS)('with %s', (flavour) => {
  let here: Room;
  beforeAll(async () => {
    // All tables in one file that may not grow further stand for a disk.
    here = await room(flavour, {
      innodb_file_per_table: 'OFF',
      innodb_data_file_path: 'ibdata1:12M:autoextend:max:48M',
    });
    await shop(here, 'shop', 20);
  });
  afterAll(() => leave(here));

  it('leaves the old database serving and nothing half-made', async () => {
    const { manifest, backup } = await here.bench.dump('shop');
    const [before, databases] = [await here.server.rowsOf('shop'), await here.server.databases()];
    const failed = await failure(
      here.bench.restore(here.bench.restoreJob('shop', 'swap'), memorySource(manifest, backup)),
    );
    expect(failed.code).toBe('RESTORE_FAILED');
    expect(failed.detail).toContain('no room left');
    expect(await here.server.rowsOf('shop')).toEqual(before);
    expect(await here.server.databases()).toEqual(databases);
  });
});
