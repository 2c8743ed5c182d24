import { beforeEach, describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../core/config.ts';
import { aliasResource, runItemsKey } from '../../core/names.ts';
import type { NightlyInput, RunItem } from '../../core/payloads.ts';
import { runSummarySchema } from '../../core/report.ts';
import { makeFailBackup } from '../../lambdas/FailBackup.ts';
import { makeOpenBackup } from '../../lambdas/OpenBackup.ts';
import { makePlanRun } from '../../lambdas/PlanRun.ts';
import { makePublishRpo } from '../../lambdas/PublishRpo.ts';
import { makeSummarizeRun } from '../../lambdas/SummarizeRun.ts';
import { allTargets, findTarget } from '../../lambdas/native/targets.ts';
import {
  DAY,
  backupEvent,
  caught,
  configOf,
  execution,
  idOf,
  makeWorld,
  targetOf,
  type World,
} from './support/world.ts';

const TAG = 'nightjar:frequency';
const DISCOVERY: ConfigInput['discovery'] = { engines: ['rds', 'dynamodb'], pitr: 'enable' };

let world: World;
function given(targets: ConfigInput['targets'] = [targetOf('billing')], discovery = DISCOVERY): void {
  world.setConfig(configOf({ targets, discovery }));
}
beforeEach(() => {
  world = makeWorld();
  given();
});

const tag = (engine: 'rds' | 'dynamodb', name: string, value: string) =>
  world.natives[engine].add(name, { tags: { [TAG]: value } });
let hour = 0;
async function plan(trigger: NightlyInput['trigger'] = 'daily') {
  const scheduledTime = new Date(world.clock + (hour += 1) * 1_000).toISOString();
  const event = { ...execution(world, 'nightly'), input: { trigger, scheduledTime } };
  const run = await makePlanRun(world)(event);
  const items = JSON.parse(world.workObjects.get(runItemsKey(run.runId))!) as RunItem[];
  const notes = async (): Promise<string[]> => {
    await makeSummarizeRun(world)({ ...event, run });
    return runSummarySchema.parse(JSON.parse(world.workObjects.get(`runs/${run.runId}/summary.json`)!)).notes;
  };
  return { due: items.map((one) => one.input.target), notes };
}

describe('a database that is tagged', () => {
  it('is due in the next run of its frequency, without a deploy, and can be backed up by its name', async () => {
    tag('rds', 'shop', 'daily');
    tag('dynamodb', 'Orders', 'weekly');
    tag('dynamodb', 'scratch', 'none');
    expect((await plan()).due).toEqual(['billing', 'rds-shop']);
    const weekly = (await plan('weekly')).due;
    expect(weekly).toEqual([expect.stringMatching(/^dynamodb-orders-[0-9a-f]{6}$/)]);
    const opened = await makeOpenBackup(world)(backupEvent(world, weekly[0]!));
    expect(opened).toMatchObject({ method: 'native', target: weekly[0] });
  });

  it('has a record also of a backup that failed before it was opened', async () => {
    tag('rds', 'shop', 'daily');
    await plan();
    await makeOpenBackup(world)(backupEvent(world, 'rds-shop'));
    const event = backupEvent(world, 'rds-shop');
    await expect(makeOpenBackup(world)(event)).rejects.toMatchObject({ name: 'TARGET_BUSY' });
    await makeFailBackup(world)({ ...event, failure: caught('TARGET_BUSY') });
    expect(await world.catalog.getBackup('rds-shop', idOf(event))).toMatchObject({
      status: 'FAILED',
      method: 'native',
      failure: { code: 'TARGET_BUSY' },
    });
  });

  it('gets the discovery’s settings and every default of its engine', async () => {
    tag('rds', 'shop', 'daily');
    await plan();
    expect(await findTarget(world, 'rds-shop')).toEqual({
      name: 'rds-shop',
      engine: 'rds',
      frequency: 'daily',
      instance: 'shop',
      pitr: 'enable',
      points: { nightly: 7, weekly: 4 },
      replaced: 'stopped',
    });
  });

  it('is the config’s alone when the config names it', async () => {
    given([{ name: 'shop', engine: 'rds', instance: 'shop', frequency: 'none' }]);
    tag('rds', 'shop', 'daily');
    expect((await plan()).due).toEqual([]);
    expect((await allTargets(world)).map((one) => one.name)).toEqual(['shop']);
  });

  it('is the config’s alone from the day on which the config names it', async () => {
    tag('rds', 'shop', 'daily');
    await plan();
    given([{ name: 'shop', engine: 'rds', instance: 'shop' }]);
    expect((await plan()).due).toEqual(['shop']);
    expect((await allTargets(world)).map((one) => one.name)).toEqual(['shop']);
    expect(await findTarget(world, 'rds-shop')).toMatchObject({ instance: 'shop' });
    expect((await makePublishRpo(world)()).gone).toEqual([]);
  });

  it('is told of when its tag is no frequency, or its name is taken, and is not backed up', async () => {
    given([targetOf('rds-shop')]);
    tag('rds', 'shop', 'daily');
    tag('rds', 'other', 'sometimes');
    tag('rds', 'odd--name', 'daily');
    const { due, notes } = await plan();
    expect(due).toEqual(['rds-shop']);
    const told = await notes();
    expect(told).toHaveLength(3);
    expect(told.join('\n')).toMatch(/odd--name can not be a target/);
    expect(told.join('\n')).toMatch(/'sometimes'.*daily, weekly, none/);
    expect(told.join('\n')).toMatch(/another target of that name/);
  });

  it('is not what a restore made beside it, which carries its tags', async () => {
    tag('rds', 'shop', 'daily');
    tag('rds', aliasResource('rds', 'shop', '01JD5ZK7S8Q2M4N6P8R0T2V4W6'), 'daily');
    expect((await plan()).due).toEqual(['billing', 'rds-shop']);
  });

  it('is watched from the day it was found', async () => {
    tag('rds', 'shop', 'daily');
    expect(await makePublishRpo(world)()).toMatchObject({ targetsWatched: 2, pastRpo: [] });
    world.clock += 27 * 3_600_000;
    expect((await makePublishRpo(world)()).pastRpo).toEqual(['billing', 'rds-shop']);
  });
});

describe('a database that lost its tag or is gone', () => {
  it('is not due and not alarmed for, stays known to restores, and is told of for a week', async () => {
    tag('rds', 'shop', 'daily');
    await plan();
    world.natives.rds.resources.clear();
    world.clock += DAY;
    const { due, notes } = await plan();
    expect(due).toEqual(['billing']);
    expect((await notes()).join()).toMatch(/rds-shop: .*is gone .*can still be restored/);
    expect(await makePublishRpo(world)()).toMatchObject({ targetsWatched: 1, gone: ['rds-shop'] });
    expect(await findTarget(world, 'rds-shop')).toMatchObject({ engine: 'rds', instance: 'shop' });
    world.clock += 7 * DAY;
    expect(await (await plan()).notes()).toEqual([]);
    expect((await makePublishRpo(world)()).gone).toEqual(['rds-shop']);
  });

  it('is not taken for gone when its service can not be searched, nor does it keep the others', async () => {
    tag('rds', 'shop', 'daily');
    tag('dynamodb', 'orders', 'daily');
    await plan();
    world.natives.rds.breaks.set('discover', new Error('AccessDenied'));
    const { due, notes } = await plan();
    expect([...due].sort()).toEqual(['billing', 'dynamodb-orders', 'rds-shop']);
    expect((await notes()).join()).toMatch(/Amazon RDS could not be searched.*AccessDenied/);
    world.natives.rds.breaks.set('discover', new Error('AccessDenied'));
    expect(await makePublishRpo(world)()).toMatchObject({ targetsWatched: 3, gone: [] });
  });

  it('makes no name that nobody ever saw', async () => {
    await expect(findTarget(world, 'rds-nobody')).rejects.toMatchObject({ name: 'TARGET_UNKNOWN' });
    expect((await world.catalog.readTargetStates(['rds-nobody'])).size).toBe(0);
  });
});
