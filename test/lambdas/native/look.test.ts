import { describe, expect, it } from 'vitest';
import { looking, pauseAfter } from '../../../lambdas/native/look.ts';
import { makeOpenRestore } from '../../../lambdas/OpenRestore.ts';
import { makePutNamesBack } from '../../../lambdas/PutNamesBack.ts';
import type { OpenedNativeRestore, RestoreInput } from '../../../core/payloads.ts';
import { holderOf, openServer, swapOf, type ServerCase } from '../../workflows/server-case.ts';
import { execution } from '../support/world.ts';

async function opened(one: ServerCase): Promise<{ opened: OpenedNativeRestore }> {
  const event = { ...execution(one.world, 'restore'), input: swapOf() as RestoreInput };
  return { opened: (await makeOpenRestore(one.world)(event)) as OpenedNativeRestore };
}
const HOUR = 3_600_000;

describe('a look', () => {
  it('asks for growing pauses, from seconds to ten minutes', () => {
    expect([0, 16, 80, 480, 86_400].map(pauseAfter)).toEqual([2, 2, 10, 60, 600]);
  });

  it('that is not done in time fails, after a last try, and begins anew when it comes again', async () => {
    const one = await openServer();
    const event = await opened(one);
    let works = 0;
    let done = false;
    const look = looking(one.world, 'RestoreServer', () => Promise.resolve(((works += 1), done)));
    expect(await look(event)).toEqual({ done: false, waitSeconds: 2 });
    one.world.clock += 24 * HOUR;
    await expect(look(event)).rejects.toMatchObject({ code: 'STEP_TIMED_OUT' });
    expect(works).toBe(2);
    done = true;
    expect(await look(event)).toEqual({ done: true, waitSeconds: 0 });
    done = false;
    expect(await look(event)).toEqual({ done: false, waitSeconds: 2 });
  });

  it('of a restore that somebody closed does nothing, and can note nothing', async () => {
    const one = await openServer();
    const event = await opened(one);
    const look = looking(one.world, 'RenameOriginal', async ({ note }) => {
      await one.world.catalog.updateRestore(event.opened.id, ['RUNNING'], { status: 'FAILED' });
      await note({ serving: 'nothing' });
      throw new Error('goes on after the end');
    });
    await expect(look(event)).rejects.toMatchObject({ code: 'EXECUTION_FAILED' });
    await expect(looking(one.world, 'x', () => Promise.reject(new Error('was called')))(event)).rejects.toMatchObject({
      code: 'EXECUTION_FAILED',
    });
  });
});

it('names are back only when they stay: a rename that shows late is seen and undone', async () => {
  const one = await openServer();
  const event = await opened(one);
  const { native } = (await one.world.catalog.getRestore(event.opened.id))!;
  const look = makePutNamesBack(one.world);
  const { shape } = one.rds.instance('shop')!;
  // Asked for before PutNamesBack began, and shown by RDS only now.
  expect(await look(event)).toMatchObject({ done: false });
  one.world.clock += 30_000;
  shape.DBInstanceIdentifier = native!.oldName!;
  let looks = 0;
  for (let is = false; !is; looks += 1) {
    one.world.clock += 15_000;
    one.rds.turn();
    is = (await look(event)).done;
    expect(looks).toBeLessThan(40);
  }
  expect(holderOf(one)).toMatchObject({ id: one.original, serves: true });
  expect((await one.world.catalog.getRestore(event.opened.id))!.native!.serving).toBe('original');
});
