/** Reads the settings of a database whose service keeps its recovery points, checks PITR, and has a point made that outlives it. */
import { resourceOf, type NativeTarget } from '../core/config.ts';
import { ENGINES } from '../core/engines.ts';
import { NightjarError } from '../core/errors.ts';
import { POINT_TAGS, pointName } from '../core/names.ts';
import type { NativeResource } from '../core/native.ts';
import type { Look } from '../core/payloads.ts';
import { siblingArn } from '../services/rds-calls.ts';
import { awaited, lookingAtPoint, type PointEvent, type PointLook, type PointParts } from './native/point-look.ts';
import * as wire from './shared/wiring.ts';

/** In a manifest's and a report's words; `core/report-native.ts` looks for PITR itself, not for these. */
const SWITCHED_ON =
  'Point-in-time recovery was off and was turned on: moments before this one can be restored from recovery points only.';
const IS_OFF = 'Point-in-time recovery is off: only the recovery points of the nights can be restored.';

export const makeMakePoint = (parts: PointParts): ((event: PointEvent) => Promise<Look>) =>
  lookingAtPoint(parts, 'MakePoint', 'making the recovery point', async (looked) => {
    const [asked] = looked.draft?.asked ?? [];
    if (!asked) return ask(looked);
    // RDS drops a request that comes while the instance is busy with something else; a name is never used twice there.
    if (looked.target.engine !== 'dynamodb' && !(await looked.service.pointState(asked.arn))) return ask(looked);
    const point = await awaited(looked.service, asked, looked.now);
    if (typeof point === 'string') return point;
    const { warnings } = looked.draft!;
    await looked.note({
      points: [point],
      ...(point.encrypted ? {} : { warnings: noted(warnings, 'The recovery point is not encrypted, as its source.') }),
    });
    return true;
  });

/** Asks for the point once the resource can give one, and answers what it waits for. The settings that are noted last are those of right before. */
async function ask(looked: PointLook): Promise<string> {
  const { target, service, record, now } = looked;
  const name = resourceOf(target);
  const resource = await service.read(name);
  if (!resource) throw missing(target);
  if (resource.state === 'failed')
    throw new NightjarError('POINT_FAILED', {
      operation: 'read resource',
      detail: `${resource.settings.arn} is '${resource.stateWord}': no recovery point can be made of it.`,
    });
  // Only an available one can be copied into a snapshot. Source: AWS, RDS API reference, CreateDBSnapshot.
  if (resource.state === 'stopped')
    throw new NightjarError('POINT_FAILED', {
      operation: 'read resource',
      detail: `${resource.settings.arn} is stopped, and of a stopped one no recovery point can be made. Nothing was changed and its older points are untouched; start it and back it up again, or take the target out of the config while it is stopped.`,
    });
  const waitsFor = await checkPitr(looked, resource);
  if (waitsFor !== true) return waitsFor;
  if (resource.state === 'busy') return `${name} is '${resource.stateWord}'`;
  const wanted = pointName(target.name, record.backupId);
  const asked = (arn: string) => ({ asked: [{ region: regionOf(arn), arn, at: now.toISOString() }] });
  // A snapshot's ARN is known before: noted first, it is found again whatever dies in between. A table's backup gets its own.
  const kind = target.engine === 'dynamodb' ? undefined : POINT_IN_ARN[target.engine];
  const known = kind && siblingArn(resource.settings.arn, kind, wanted);
  await looked.note({ ...readingOf(resource), ...(known === undefined ? {} : asked(known)) });
  const { arn } = await service.createPoint(name, wanted, {
    [POINT_TAGS.target]: target.name,
    [POINT_TAGS.backup]: record.backupId,
  });
  if (arn !== known) await looked.note(asked(arn));
  return `${arn} was asked for`;
}

async function checkPitr(looked: PointLook, resource: NativeResource): Promise<true | string> {
  const { target, service, draft, safety } = looked;
  if (resource.window.on) return true;
  const { arn } = resource.settings;
  // A restore that waits for its net has other worries than what tomorrow's moments need.
  const rule = safety ? 'ignore' : target.pitr;
  if (rule === 'require') throw new NightjarError('PITR_OFF', { operation: 'check PITR', detail: `Of ${arn}.` });
  const warning = rule === 'enable' ? SWITCHED_ON : IS_OFF;
  await looked.note({ ...readingOf(resource), warnings: noted(draft?.warnings ?? [], warning) });
  if (rule === 'ignore') return true;
  if (resource.state === 'busy') return `${resource.settings.name} is '${resource.stateWord}'`;
  await service.enablePitr(resource.settings.name);
  return 'point-in-time recovery is being turned on';
}

const readingOf = ({ settings, window, items }: NativeResource) => ({
  settings,
  window,
  ...(items === undefined ? {} : { items }),
});

const noted = (warnings: readonly string[], one: string): string[] => [...new Set([...warnings, one])];

const missing = (target: NativeTarget): NightjarError =>
  new NightjarError('RESOURCE_MISSING', {
    operation: 'read resource',
    detail: `${target.name} names the ${NOUN[target.engine]} ${resourceOf(target)} of ${ENGINES[target.engine].label}. Nothing was made or deleted.`,
  });
const NOUN = { rds: 'instance', aurora: 'cluster', dynamodb: 'table' } as const;

/** As the ARN of a snapshot names its kind. */
const POINT_IN_ARN = { rds: 'snapshot', aurora: 'cluster-snapshot' } as const;

const regionOf = (arn: string): string => arn.split(':')[3] ?? '';

export const handler = wire.lambda(() =>
  makeMakePoint({ catalog: wire.catalog(), config: wire.config(), services: wire.services(), now: wire.now }),
);
