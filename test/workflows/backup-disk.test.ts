/** A file that has outgrown the disk that its task is given: tonight's backup must be there all the same. */
import { expect, it } from 'vitest';
import { configOf, failTask, makeWorld } from '../lambdas/support/world.ts';
import type { RunTask } from './calls.ts';
import { FakeServer } from './fake-server.ts';
import { Harness } from './harness.ts';

const GIB = 2 ** 30;
const STORAGE = { s3: { bucket: 'example-data' } };

it.each([
  // Two copies, a tenth more, and 5 GiB to spare.
  [40, undefined, 'COMPLETED', [21, 93]],
  // What it takes was set, and is not gone beyond.
  [40, { cpu: 1024, memoryMiB: 2048, ephemeralGiB: 30 }, 'FAILED', [30]],
  // More than there is.
  [400, undefined, 'FAILED', [21, 200]],
] as const)(
  'a file of %i GiB (size %j) is %s the same night, on disks of %j GiB',
  async (held, size, status, disks) => {
    const world = makeWorld(
      undefined,
      configOf({
        targets: [
          {
            name: 'app',
            engine: 'sqlite',
            database: 'app.db',
            storage: STORAGE,
            ...(size === undefined ? {} : { size }),
          },
        ],
      }),
    );
    const server = new FakeServer(world);
    server.set('app.db', 'first');
    const given: number[] = [];
    const task: RunTask = async (run) => {
      given.push(run.ephemeralGiB);
      if (run.ephemeralGiB >= 2 * held) return server.task(run);
      await failTask(world, run.job.id, 'DISK_FULL', 'No room.', run.attempt);
      const said = (await world.catalog.getProgress(run.job.id))!;
      await world.catalog.putProgress({ ...said, databaseBytes: held * GIB });
      return 1;
    };
    const { id } = await new Harness(world, task).run('backup', { target: 'app', trigger: 'daily' });
    expect(given).toEqual(disks);
    expect(await world.catalog.getBackup('app', id)).toMatchObject({ status });
  },
);
