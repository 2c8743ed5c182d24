/** Auto scaling of a table and its indexes: it lives in Application Auto Scaling, by the table's name. */
import {
  DeregisterScalableTargetCommand,
  DescribeScalableTargetsCommand,
  DescribeScalingPoliciesCommand,
  DescribeScheduledActionsCommand,
  PutScalingPolicyCommand,
  PutScheduledActionCommand,
  RegisterScalableTargetCommand,
  type ApplicationAutoScalingClient,
  type ScalableDimension,
  type ScalableTarget,
  type ScalingPolicy,
  type ScheduledAction,
} from '@aws-sdk/client-application-auto-scaling';
import type { Sends } from './clients.ts';
import { unless } from './dynamodb-calls.ts';

type Scaling = Sends<ApplicationAutoScalingClient>;

/** One scaled dimension. `On` is `table` or `index/NAME`, so that a table and its alias compare. */
export interface ScaledDimension {
  readonly On: string;
  readonly ScalableDimension: ScalableDimension;
  readonly MinCapacity: number;
  readonly MaxCapacity: number;
  /** Only when something is suspended. */
  readonly SuspendedState?: ScalableTarget['SuspendedState'];
  readonly Policies: readonly Policy[];
  readonly ScheduledActions: readonly Scheduled[];
}
type Policy = Pick<
  ScalingPolicy,
  'PolicyName' | 'PolicyType' | 'TargetTrackingScalingPolicyConfiguration' | 'StepScalingPolicyConfiguration'
>;
interface Scheduled extends Pick<
  ScheduledAction,
  'ScheduledActionName' | 'Schedule' | 'Timezone' | 'ScalableTargetAction'
> {
  readonly StartTime?: string;
  readonly EndTime?: string;
}

const SERVICE = { ServiceNamespace: 'dynamodb' } as const;
const OWN = '<resource>';
const resourceId = (table: string, on: string): string => (on === 'table' ? `table/${table}` : `table/${table}/${on}`);
const onOf = (table: string, id: string): string =>
  id === `table/${table}` ? 'table' : id.slice(`table/${table}/`.length);

const byName = <T>(of: (one: T) => string | undefined, list: readonly T[]): T[] =>
  [...list].sort((a, b) => ((of(a) ?? '') < (of(b) ?? '') ? -1 : 1));

/** What is over can not be made again: the service refuses a schedule of the past. */
function isOver(action: ScheduledAction, now: number): boolean {
  const once = /^at\((.+)\)$/.exec(action.Schedule ?? '')?.[1];
  return (once !== undefined && Date.parse(`${once}Z`) < now) || (action.EndTime?.getTime() ?? Infinity) < now;
}

async function paged<T>(page: (token?: string) => Promise<{ found?: T[]; next?: string }>): Promise<T[]> {
  const all: T[] = [];
  let token: string | undefined;
  do {
    const { found = [], next } = await page(token);
    all.push(...found);
    token = next;
  } while (token);
  return all;
}

async function policiesOf(client: Scaling, id: string, target: ScalableTarget): Promise<Policy[]> {
  const found = await paged<ScalingPolicy>(async (NextToken) => {
    const answer = await client.send(new DescribeScalingPoliciesCommand({ ...SERVICE, ResourceId: id, NextToken }));
    return { found: answer.ScalingPolicies, next: answer.NextToken };
  });
  return byName(
    (one) => one.PolicyName,
    found
      .filter((one) => one.ScalableDimension === target.ScalableDimension)
      .map((one) => ({
        // Consoles and CDK put the table's name into the policy's.
        PolicyName: one.PolicyName?.replaceAll(id, OWN),
        PolicyType: one.PolicyType,
        TargetTrackingScalingPolicyConfiguration: one.TargetTrackingScalingPolicyConfiguration,
        StepScalingPolicyConfiguration: one.StepScalingPolicyConfiguration,
      })),
  );
}

async function scheduledOf(client: Scaling, id: string, target: ScalableTarget): Promise<Scheduled[]> {
  const found = await paged<ScheduledAction>(async (NextToken) => {
    const answer = await client.send(new DescribeScheduledActionsCommand({ ...SERVICE, ResourceId: id, NextToken }));
    return { found: answer.ScheduledActions, next: answer.NextToken };
  });
  return byName(
    (one) => one.ScheduledActionName,
    found
      .filter((one) => one.ScalableDimension === target.ScalableDimension && !isOver(one, Date.now()))
      .map((one) => ({
        ScheduledActionName: one.ScheduledActionName?.replaceAll(id, OWN),
        Schedule: one.Schedule,
        ...(one.Timezone ? { Timezone: one.Timezone } : {}),
        ScalableTargetAction: one.ScalableTargetAction,
        ...(one.StartTime ? { StartTime: one.StartTime.toISOString() } : {}),
        ...(one.EndTime ? { EndTime: one.EndTime.toISOString() } : {}),
      })),
  );
}

export async function readScaling(
  client: Scaling,
  table: string,
  indexes: readonly string[],
): Promise<ScaledDimension[]> {
  const ids = ['table', ...indexes.map((index) => `index/${index}`)].map((on) => resourceId(table, on));
  const targets = await paged<ScalableTarget>(async (NextToken) => {
    const answer = await client.send(new DescribeScalableTargetsCommand({ ...SERVICE, ResourceIds: ids, NextToken }));
    return { found: answer.ScalableTargets, next: answer.NextToken };
  });
  const read = targets.map(async (target): Promise<ScaledDimension> => {
    const id = target.ResourceId!;
    const suspended = Object.values(target.SuspendedState ?? {}).some(Boolean);
    return {
      On: onOf(table, id),
      ScalableDimension: target.ScalableDimension!,
      MinCapacity: target.MinCapacity!,
      MaxCapacity: target.MaxCapacity!,
      ...(suspended ? { SuspendedState: target.SuspendedState } : {}),
      Policies: await policiesOf(client, id, target),
      ScheduledActions: await scheduledOf(client, id, target),
    };
  });
  return byName((one) => `${one.On} ${one.ScalableDimension}`, await Promise.all(read));
}

/** Registers them again; each call replaces what has its name. */
export async function applyScaling(client: Scaling, table: string, wanted: readonly ScaledDimension[]): Promise<void> {
  for (const one of wanted) {
    const ResourceId = resourceId(table, one.On);
    const on = { ...SERVICE, ResourceId, ScalableDimension: one.ScalableDimension };
    const { MinCapacity, MaxCapacity, SuspendedState } = one;
    await client.send(new RegisterScalableTargetCommand({ ...on, MinCapacity, MaxCapacity, SuspendedState }));
    for (const policy of one.Policies) {
      const PolicyName = policy.PolicyName!.replaceAll(OWN, ResourceId);
      await client.send(new PutScalingPolicyCommand({ ...on, ...policy, PolicyName }));
    }
    for (const { StartTime, EndTime, ...action } of one.ScheduledActions) {
      await client.send(
        new PutScheduledActionCommand({
          ...on,
          ...action,
          ScheduledActionName: action.ScheduledActionName!.replaceAll(OWN, ResourceId),
          ...(StartTime ? { StartTime: new Date(StartTime) } : {}),
          ...(EndTime ? { EndTime: new Date(EndTime) } : {}),
        }),
      );
    }
  }
}

/** Takes them away, with their policies and alarms, of a table that is no more. */
export async function forgetScaling(client: Scaling, table: string, of: readonly ScaledDimension[]): Promise<void> {
  for (const { On, ScalableDimension } of of) {
    const on = { ...SERVICE, ResourceId: resourceId(table, On), ScalableDimension };
    await unless(['ObjectNotFoundException'], () => client.send(new DeregisterScalableTargetCommand(on)));
  }
}
