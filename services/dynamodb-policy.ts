/**
 * A table's resource policy, and the fence that a swap puts into it. The policy is written within seconds, not at once
 * (AWS, DynamoDB API reference, PutResourcePolicy), and another change is refused for 15 seconds (AWS, DynamoDB Developer
 * Guide, Resource-based policy considerations).
 */
import {
  DeleteResourcePolicyCommand,
  DescribeTableCommand,
  GetResourcePolicyCommand,
  PutResourcePolicyCommand,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { NightjarError } from '../core/errors.ts';
import type { Sends } from './clients.ts';
import { isBusy, isNamed, MISSING, pause, refused, unless } from './dynamodb-calls.ts';

type Dynamo = Sends<DynamoDBClient>;
interface Policy {
  readonly Statement: Record<string, unknown>[] | Record<string, unknown>;
}

const FENCE_SID = 'NightjarFence';
/** Of a policy with its whitespace. Source: AWS, DynamoDB Developer Guide, Resource-based policy considerations. */
const LIMIT_BYTES = 20 * 1024;
/** Every way of writing items; TransactWriteItems is checked as these. Source: AWS, Service Authorization Reference. */
const WRITES = [
  'PutItem',
  'UpdateItem',
  'DeleteItem',
  'BatchWriteItem',
  'PartiQLInsert',
  'PartiQLUpdate',
  'PartiQLDelete',
];

const statementsOf = (policy: Policy): Record<string, unknown>[] =>
  Array.isArray(policy.Statement) ? policy.Statement : [policy.Statement];

export const isFenced = (text: string): boolean =>
  text.includes(FENCE_SID) && statementsOf(JSON.parse(text) as Policy).some((one) => one.Sid === FENCE_SID);

/** The same policy without our fence, as text; '' when nothing is left. A policy without one is returned as it is. */
export function withoutFence(text: string): string {
  if (!isFenced(text)) return text;
  const policy = JSON.parse(text) as Policy;
  const Statement = statementsOf(policy).filter((one) => one.Sid !== FENCE_SID);
  return Statement.length === 0 ? '' : JSON.stringify({ ...policy, Statement });
}

/**
 * Nobody is left out, not even the caller: nothing of ours writes items behind a fence, and a session's ARN does not tell the
 * path of its role. An explicit deny holds against every allow. Who may change policies can still lift it.
 */
export function withFence(text: string, tableArn: string): string {
  const fence = {
    Sid: FENCE_SID,
    Effect: 'Deny',
    Principal: '*',
    Action: WRITES.map((one) => `dynamodb:${one}`),
    Resource: tableArn,
  };
  const before = withoutFence(text);
  const policy: Policy = before ? (JSON.parse(before) as Policy) : ({ Version: '2012-10-17', Statement: [] } as Policy);
  return JSON.stringify({ ...policy, Statement: [...statementsOf(policy), fence] });
}
export const fenceFits = (text: string, tableArn: string): boolean =>
  Buffer.byteLength(withFence(text, tableArn)) <= LIMIT_BYTES;

/** Own ARNs give way to words, so that the policy of a table compares with that of its alias. */
const OWN_TABLE = '<table>';
const OWN_STREAM = '<stream>';
const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
export function withOwnWords(text: string, tableArn: string, streamArn?: string): string {
  const stream = streamArn ? text.replaceAll(streamArn, OWN_STREAM) : text;
  return stream.replaceAll(new RegExp(`${escaped(tableArn)}(?=["/])`, 'g'), OWN_TABLE);
}
export const withOwnArns = (text: string, tableArn: string, streamArn = ''): string =>
  text.replaceAll(OWN_STREAM, streamArn).replaceAll(OWN_TABLE, tableArn);

/** Undefined when there is none. */
export async function readPolicy(
  client: Dynamo,
  arn: string,
): Promise<{ readonly text: string; readonly revision: string } | undefined> {
  const found = await unless(MISSING, () => client.send(new GetResourcePolicyCommand({ ResourceArn: arn })));
  return found?.Policy ? { text: found.Policy, revision: found.RevisionId! } : undefined;
}

/** @throws whatever the service says, also that it is busy. */
export async function putPolicy(client: Dynamo, arn: string, text: string): Promise<void> {
  await (text === ''
    ? unless(MISSING, () => client.send(new DeleteResourcePolicyCommand({ ResourceArn: arn })))
    : client.send(new PutResourcePolicyCommand({ ResourceArn: arn, Policy: text })));
}

/** How often and how long a change that is refused for now is tried again; together longer than the 15 seconds. */
export interface Patience {
  readonly tries: number;
  readonly milliseconds: number;
}
const PATIENCE: Patience = { tries: 6, milliseconds: 4_000 };

/** Reads, changes and writes under the revision that was read, so that nobody's change in between is lost. */
async function change(
  client: Dynamo,
  arn: string,
  to: (before: string) => string,
  patience: Patience,
): Promise<string> {
  for (let left = patience.tries; ; left -= 1) {
    const found = await readPolicy(client, arn);
    const before = found?.text ?? '';
    const wanted = to(before);
    if (wanted === before) return before;
    try {
      if (wanted !== '') {
        const ExpectedRevisionId = found?.revision ?? 'NO_POLICY';
        await client.send(new PutResourcePolicyCommand({ ResourceArn: arn, Policy: wanted, ExpectedRevisionId }));
      } else if (found) {
        await client.send(new DeleteResourcePolicyCommand({ ResourceArn: arn, ExpectedRevisionId: found.revision }));
      }
      return before;
    } catch (error) {
      const again = isBusy(error) || isNamed(error, ['PolicyNotFoundException']);
      if (!again || left <= 1) throw refused('PutResourcePolicy', arn, error);
      await pause(patience.milliseconds);
    }
  }
}

const arnOf = async (client: Dynamo, name: string): Promise<string | undefined> =>
  (await unless(MISSING, () => client.send(new DescribeTableCommand({ TableName: name }))))?.Table?.TableArn;

/** As it can be read; it holds for every request a few seconds later. */
export async function fenced(client: Dynamo, name: string): Promise<boolean> {
  const arn = await arnOf(client, name);
  return arn !== undefined && isFenced((await readPolicy(client, arn))?.text ?? '');
}

/** Answers the policy without a fence: also where one was up already. */
export async function fence(client: Dynamo, name: string, patience = PATIENCE): Promise<string> {
  const arn = await arnOf(client, name);
  if (!arn) throw new NightjarError('RESOURCE_MISSING', { operation: 'PutResourcePolicy', detail: name });
  return withoutFence(
    await change(
      client,
      arn,
      (before) => {
        const wanted = withFence(before, arn);
        if (Buffer.byteLength(wanted) <= LIMIT_BYTES) return wanted;
        const detail = `${name}: its resource policy leaves no room for the fence (20 KB in all). Nothing was changed.`;
        throw new NightjarError('SERVICE_REFUSED', { operation: 'PutResourcePolicy', detail });
      },
      patience,
    ),
  );
}

/**
 * Puts the policy back, exactly as it was where nobody has changed it since; of a changed one only the fence is taken out.
 * A table that is gone or has no fence is left as it is: it was made again, with a policy of its own.
 */
export async function unfence(client: Dynamo, name: string, policyBefore: string, patience = PATIENCE): Promise<void> {
  const arn = await arnOf(client, name);
  if (!arn) return;
  const asFenced = withFence(policyBefore, arn);
  await change(client, arn, (now) => (now === asFenced ? policyBefore : withoutFence(now)), patience);
}
