/**
 * What an application reads to find its database: an SSM parameter, a field of a secret, or a CNAME. It is switched only while
 * it says what it is expected to say, as far as the service can promise that.
 */
import {
  ChangeResourceRecordSetsCommand,
  ListResourceRecordSetsCommand,
  type Route53Client,
} from '@aws-sdk/client-route-53';
import {
  GetSecretValueCommand,
  PutSecretValueCommand,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand, PutParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import type { Pointer } from '../core/engine-fields.ts';
import { NightjarError, toNightjarError } from '../core/errors.ts';
import type { PointerClients, Sends } from './clients.ts';

export interface Pointers {
  /** What it says now. @throws NightjarError POINTER_FAILED. */
  read(pointer: Pointer): Promise<string>;
  /**
   * Makes it say `to` when it says `from`; well done also when it says `to` already.
   * @throws NightjarError POINTER_FAILED, naming what it says, when that is neither.
   */
  change(pointer: Pointer, from: string, to: string): Promise<void>;
}

/** Where it is, for a person; a secret by its ARN, never its value. */
export function placeOf(pointer: Pointer): string {
  if ('parameter' in pointer) return `SSM parameter ${pointer.parameter}`;
  if ('secret' in pointer) return `field ${pointer.field} of the secret ${pointer.secret}`;
  return `CNAME ${pointer.record} in ${pointer.hostedZone}`;
}

/** One reading: the value, and how to write another one in its place. */
interface Held {
  readonly value: string;
  readonly write: (to: string) => Promise<void>;
}

export function awsPointers(clients: {
  readonly ssm: Sends<SSMClient>;
  readonly secrets: Sends<SecretsManagerClient>;
  readonly route53: Sends<Route53Client>;
}): Pointers {
  const { ssm, secrets, route53 } = clients as PointerClients;
  const held = (pointer: Pointer): Promise<Held> => {
    if ('parameter' in pointer) return heldParameter(ssm, pointer.parameter);
    return 'secret' in pointer ? heldField(secrets, pointer) : heldRecord(route53, pointer);
  };
  const orFailed = async <T>(pointer: Pointer, operation: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (cause) {
      const { code, detail } = toNightjarError(cause);
      if (code === 'POINTER_FAILED') throw cause;
      throw new NightjarError('POINTER_FAILED', { operation, detail: `${placeOf(pointer)}: ${detail ?? ''}`, cause });
    }
  };
  return {
    read: (pointer) => orFailed(pointer, 'read pointer', async () => (await held(pointer)).value),
    change: (pointer, from, to) =>
      orFailed(pointer, 'switch pointer', async () => {
        const { value, write } = await held(pointer);
        if (same(pointer, value, to)) return;
        if (!same(pointer, value, from)) throw failed(pointer, `says '${value}' and not '${from}'; it was left alone`);
        await write(to);
      }),
  };
}

const failed = (pointer: Pointer, what: string): NightjarError =>
  new NightjarError('POINTER_FAILED', { operation: 'switch pointer', detail: `${placeOf(pointer)} ${what}.` });

/** Names of hosts are the same with a dot at their end, and in capitals. */
const asHost = (value: string): string => value.replace(/\.$/, '').toLowerCase();
const same = (pointer: Pointer, a: string, b: string): boolean =>
  'hostedZone' in pointer ? asHost(a) === asHost(b) : a === b;

/** Without a key of its own: overwriting keeps the type, and a SecureString its key only when it is named again. */
async function heldParameter(ssm: SSMClient, name: string): Promise<Held> {
  const { Parameter } = await ssm.send(new GetParameterCommand({ Name: name, WithDecryption: true }));
  if (Parameter?.Value === undefined) throw failed({ parameter: name }, 'has no value');
  if (Parameter.Type !== 'String')
    throw failed({ parameter: name }, `is a ${Parameter.Type ?? 'thing without type'}; a pointer is a String`);
  return {
    value: Parameter.Value,
    write: async (Value) => {
      await ssm.send(new PutParameterCommand({ Name: name, Value, Overwrite: true }));
    },
  };
}

async function heldField(secrets: SecretsManagerClient, pointer: Extract<Pointer, { secret: string }>): Promise<Held> {
  const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId: pointer.secret }));
  const fields = fieldsOf(SecretString);
  const value = fields?.[pointer.field];
  if (!fields || typeof value !== 'string') throw failed(pointer, 'is not there, or the secret is not a JSON object');
  return {
    value,
    write: async (to) => {
      const SecretString = JSON.stringify({ ...fields, [pointer.field]: to });
      await secrets.send(new PutSecretValueCommand({ SecretId: pointer.secret, SecretString }));
    },
  };
}

/** No error of the parser: its words would quote the secret. */
function fieldsOf(text: string | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

async function heldRecord(route53: Route53Client, pointer: Extract<Pointer, { hostedZone: string }>): Promise<Held> {
  const { hostedZone: HostedZoneId, record, ttlSeconds } = pointer;
  const { ResourceRecordSets } = await route53.send(
    new ListResourceRecordSetsCommand({ HostedZoneId, StartRecordName: record, StartRecordType: 'CNAME' }),
  );
  const [set] = (ResourceRecordSets ?? []).filter(
    (one) => asHost(one.Name ?? '') === asHost(record) && one.Type === 'CNAME',
  );
  const value = set?.ResourceRecords?.[0]?.Value;
  if (!set || value === undefined) throw failed(pointer, 'is not there');
  // One of several: to switch it would leave the others saying the old one.
  if (set.SetIdentifier !== undefined) throw failed(pointer, 'has a routing policy; a pointer is a simple record');
  return {
    value,
    write: async (to) => {
      // A batch is done as a whole or not at all, and DELETE demands the record exactly as it was read: nobody is overwritten.
      await route53.send(
        new ChangeResourceRecordSetsCommand({
          HostedZoneId,
          ChangeBatch: {
            Comment: 'Nightjar',
            Changes: [
              { Action: 'DELETE', ResourceRecordSet: set },
              { Action: 'CREATE', ResourceRecordSet: { ...set, TTL: ttlSeconds, ResourceRecords: [{ Value: to }] } },
            ],
          },
        }),
      );
    },
  };
}
