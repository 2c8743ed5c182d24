/** The way of a native backup over the real services: RDS and Aurora as a double that keeps AWS's pace, tables in a pretend account. */
import { describe, expect, it } from 'vitest';
import { nativeManifest } from '../../core/backup.ts';
import type { ConfigInput } from '../../core/config.ts';
import { manifestKey } from '../../core/names.ts';
import type { NativeService } from '../../core/native.ts';
import type { Look } from '../../core/payloads.ts';
import { makeCloseBackup } from '../../lambdas/CloseBackup.ts';
import { makeCopyPoint } from '../../lambdas/CopyPoint.ts';
import { makeDeleteExpired } from '../../lambdas/DeleteExpired.ts';
import { makeDeletePoints } from '../../lambdas/DeletePoints.ts';
import { makeMakePoint } from '../../lambdas/MakePoint.ts';
import { makeOpenBackup } from '../../lambdas/OpenBackup.ts';
import { makePlanPrune } from '../../lambdas/PlanPrune.ts';
import { makeVerifyPoint } from '../../lambdas/VerifyPoint.ts';
import { makeWriteManifest } from '../../lambdas/WriteManifest.ts';
import { surveyTargets } from '../../lambdas/native/survey.ts';
import { auroraHarness, rdsHarness } from '../services/rds-harness.ts';
import { startTables } from '../services/tables.ts';
import { DAY, backupEvent, configOf, execution, makeWorld, type World } from './support/world.ts';

const TAG = { 'nightjar:frequency': 'daily' };
const COPY = {
  region: 'eu-central-1',
  keyArn: 'arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555',
};
const points = { nightly: 1, weekly: 0 };

interface Case {
  readonly title: string;
  readonly target: ConfigInput['targets'][number];
  readonly copies: number;
  readonly start: () => Promise<{
    service: NativeService;
    make(name: string, tags: Readonly<Record<string, string>>): Promise<void>;
    pass(): Promise<void>;
    /** A double's own clock. */
    readonly fake?: { now: Date };
  }>;
}
const CASES: Case[] = [
  {
    title: 'RDS',
    target: { name: 'shop', engine: 'rds', instance: 'shop', points },
    copies: 1,
    start: () => Promise.resolve(rdsHarness()),
  },
  {
    title: 'Aurora',
    target: { name: 'shop', engine: 'aurora', cluster: 'shop', points },
    copies: 1,
    start: () => Promise.resolve(auroraHarness()),
  },
  {
    title: 'DynamoDB',
    target: { name: 'shop', engine: 'dynamodb', table: 'shop', points },
    copies: 0,
    start: startTables,
  },
];

describe.each(CASES)('a native backup over $title', ({ target, copies, start }) => {
  it('is made, copied, proven, closed, found by its tag, and removed again when newer ones are there', async () => {
    const harness = await start();
    const world: World = makeWorld();
    const engine = harness.service.engine;
    const services = { ...world.natives.services, [engine]: harness.service };
    const parts = { ...world, services, now: () => new Date(world.clock) };
    world.setConfig(configOf({ targets: [target], copies: [COPY], discovery: { engines: [engine] } }));
    await harness.make('shop', TAG);
    await harness.make('other', TAG);

    const until = async (look: () => Promise<Look>): Promise<void> => {
      for (let looks = 0; !(await look()).done; looks += 1) {
        if (looks > 300) throw new Error('never done');
        await harness.pass();
        world.clock += 60_000;
        if (harness.fake) harness.fake.now = new Date(world.clock);
      }
    };
    const backup = async (): Promise<string> => {
      if (harness.fake) harness.fake.now = new Date(world.clock);
      const event = backupEvent(world, 'shop');
      const opened = await makeOpenBackup(parts)(event);
      const state = { ...event, opened };
      await until(() => makeMakePoint(parts)(state));
      await until(() => makeCopyPoint(parts)(state));
      await makeWriteManifest(parts)(state);
      const { id } = opened;
      expect(await makeVerifyPoint(parts)({ id, target: 'shop', attempt: 1 })).toMatchObject({ objects: 1 + copies });
      expect(await makeCloseBackup(parts)({ id, target: 'shop', attempt: 1 })).toMatchObject({ status: 'COMPLETED' });
      return id;
    };

    const first = await backup();
    const manifest = nativeManifest((await world.vault.readManifest(manifestKey('shop', first))).manifest);
    expect(manifest.settings).toMatchObject({ engine, name: 'shop', tags: TAG });
    expect(manifest.window.on).toBe(true);
    expect(manifest.points.map((one) => one.region)).toHaveLength(1 + copies);
    expect(new Set(manifest.points.map((one) => one.region)).size).toBe(1 + copies);

    const names = (await surveyTargets(parts)).targets.map((one) => one.name);
    expect(names).toEqual(['shop', `${engine}-other`]);

    world.clock += DAY;
    const second = await backup();
    world.clock += DAY;
    const prune = execution(world, 'prune');
    await makePlanPrune(parts)({ ...prune, input: {} });
    await makeDeleteExpired(parts)(prune);
    await until(() => makeDeletePoints(parts)(prune));
    const gone = (await world.catalog.getBackup('shop', first))!;
    expect(gone).toMatchObject({ status: 'DELETED', pointsGoneAt: expect.any(String) as string });
    for (const arn of gone.points!) expect(await harness.service.pointState(arn)).toBeUndefined();
    const kept = (await world.catalog.getBackup('shop', second))!;
    for (const arn of kept.points!) expect(await harness.service.pointState(arn)).toMatchObject({ status: 'ready' });
  });
});
