import {
  BatchWriteItemCommand,
  CreateBackupCommand,
  DeleteItemCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  EnableKinesisStreamingDestinationCommand,
  GetItemCommand,
  GetResourcePolicyCommand,
  ListTagsOfResourceCommand,
  PutItemCommand,
  PutResourcePolicyCommand,
  TransactWriteItemsCommand,
  UntagResourceCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import {
  CreateEventSourceMappingCommand,
  CreateFunctionCommand,
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import { CreateRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import { beforeAll, describe, expect, it } from 'vitest';
import { RESTORE_TAG } from '../../core/names.ts';
import { differencesOf, nativeRestoreSchema, type NativeRestore, type NativeSettings } from '../../core/native.ts';
import { ACCOUNT_ID } from '../../local/account.ts';
import { eventually } from '../contracts/native.ts';
import { arnOf, idOf, KEY_ARN, policyOf, startTables, type Tables } from './tables.ts';

const RESTORE_ID = '01JD5ZK7S8Q2M4N6P8R0T2V4W6';
let tables: Tables;
let number = 0;
beforeAll(async () => {
  tables = await startTables();
}, 60_000);

const fresh = (stem: string): string => `${stem}-${(number += 1)}`;
const read = async (name: string) => (await tables.service.read(name))!;
const ready = (name: string) =>
  eventually(tables, async () => {
    const found = await tables.service.read(name);
    return found?.state === 'ready' ? found : undefined;
  });
const gone = (name: string) =>
  eventually(tables, async () => ((await tables.service.read(name)) === undefined ? true : undefined));
const settle = (name: string, wanted: NativeSettings) =>
  eventually(tables, async () => ((await tables.service.applySettings(name, wanted)).length === 0 ? true : undefined));
const policyText = async (name: string) =>
  (await tables.client.send(new GetResourcePolicyCommand({ ResourceArn: arnOf(name) }))).Policy;
async function full(tags: Record<string, string> = { team: 'shop' }): Promise<string> {
  const name = fresh('full');
  await tables.make(name, tags);
  return name;
}
async function backupOf(name: string): Promise<string> {
  const { arn } = await tables.service.createPoint(name, `nightjar-${name}`, {});
  return eventually(tables, async () => ((await tables.service.pointState(arn))?.status === 'ready' ? arn : undefined));
}
const removed = (name: string) =>
  eventually(tables, async () => {
    await tables.service.remove(name, {});
    return (await tables.service.read(name)) === undefined ? true : undefined;
  });
async function planOf(name: string, from: NativeRestore['from'], alias = `${name}-nj`): Promise<NativeRestore> {
  const { settings } = await read(name);
  const original = { arn: settings.arn, resourceId: settings.resourceId };
  return nativeRestoreSchema.parse({ from, alias, original, settings, steps: {}, serving: 'original' });
}
async function momentOf(name: string, at: string): Promise<NativeRestore['from']> {
  const { settings } = await read(name);
  return { kind: 'moment', sourceArn: settings.arn, sourceResourceId: settings.resourceId, at };
}

describe('the fence', () => {
  const Item = { pk: { S: 'a' }, sk: { S: '1' } };
  const writes = (TableName: string) => ({
    put: new PutItemCommand({ TableName, Item }),
    update: new UpdateItemCommand({
      TableName,
      Key: Item,
      UpdateExpression: 'SET amount = :one',
      ExpressionAttributeValues: { ':one': { N: '1' } },
    }),
    delete: new DeleteItemCommand({ TableName, Key: Item }),
    batch: new BatchWriteItemCommand({ RequestItems: { [TableName]: [{ PutRequest: { Item } }] } }),
    transaction: new TransactWriteItemsCommand({ TransactItems: [{ Put: { TableName, Item } }] }),
  });
  const send = (command: unknown): Promise<unknown> => tables.client.send(command as PutItemCommand);

  it('keeps every kind of write away, also from an administrator, and lets reads through', async () => {
    const name = await full();
    for (const one of Object.values(writes(name))) await send(one);
    await send(writes(name).put);
    await tables.service.fence(name);
    expect(await tables.service.fenced(name)).toBe(true);
    for (const one of Object.values(writes(name))) await expect(send(one)).rejects.toThrow(/explicit deny/);
    const found = await tables.client.send(new GetItemCommand({ TableName: name, Key: Item }));
    expect(found.Item).toEqual(Item);
    await tables.service.unfence(name, policyOf(name));
    for (const one of Object.values(writes(name))) await send(one);
    expect(await tables.service.fenced(name)).toBe(false);
  });

  it('comes on top of the policy that is there, and that policy comes back to the letter', async () => {
    const name = await full();
    const spaced = `${policyOf(name).replaceAll(',', ', ')} `;
    await tables.client.send(new PutResourcePolicyCommand({ ResourceArn: arnOf(name), Policy: spaced }));
    const before = await tables.service.fence(name);
    expect(before).toBe(spaced);
    expect(JSON.parse(await tables.service.fence(name))).toEqual(JSON.parse(spaced));
    expect(await policyText(name)).toContain('Readers');
    await tables.service.unfence(name, before);
    expect(await policyText(name)).toBe(spaced);
    await tables.service.unfence(name, before);
    expect(await policyText(name)).toBe(spaced);
  });

  it('leaves no policy where there was none', async () => {
    const name = fresh('bare');
    await tables.create(name);
    expect(await tables.service.fence(name)).toBe('');
    await tables.service.unfence(name, '');
    await expect(policyText(name)).rejects.toMatchObject({ name: 'PolicyNotFoundException' });
  });

  it('does not undo what somebody changed in the policy meanwhile', async () => {
    const name = await full();
    const before = await tables.service.fence(name);
    const now = JSON.parse((await policyText(name))!) as { Statement: object[] };
    const added = { ...now.Statement[0], Sid: 'Added' };
    const Policy = JSON.stringify({ ...now, Statement: [...now.Statement, added] });
    await tables.client.send(new PutResourcePolicyCommand({ ResourceArn: arnOf(name), Policy }));
    await tables.service.unfence(name, before);
    expect(await policyText(name)).toContain('Added');
    expect(await policyText(name)).not.toContain('NightjarFence');
  });

  it('is no setting: it is not read, and reapplying settings leaves it up', async () => {
    const name = await full();
    const { settings } = await read(name);
    await tables.service.fence(name);
    expect(differencesOf(settings, (await read(name)).settings)).toEqual([]);
    const Statement = [{ ...(JSON.parse(policyOf(name)) as { Statement: object[] }).Statement[0], Sid: 'Other' }];
    const wanted = structuredClone(settings);
    const own = JSON.parse(
      JSON.stringify({ Version: '2012-10-17', Statement }).replaceAll(arnOf(name), '<table>'),
    ) as object;
    wanted.values.ResourcePolicy = own as NativeSettings['values'][string];
    await settle(name, wanted);
    expect(await policyText(name)).toContain('Other');
    expect(await tables.service.fenced(name)).toBe(true);
  });

  it('is refused before anything is begun where the policy has no room for it', async () => {
    const name = await full();
    const policy = JSON.parse(policyOf(name)) as { Statement: { Sid: string }[] };
    const Statement = [...policy.Statement];
    while (JSON.stringify({ ...policy, Statement }).length < 20_100)
      Statement.push({ ...policy.Statement[0]!, Sid: `S${Statement.length}` });
    const Policy = JSON.stringify({ ...policy, Statement });
    await tables.client.send(new PutResourcePolicyCommand({ ResourceArn: arnOf(name), Policy }));
    const plan = await planOf(name, await momentOf(name, 'latest'));
    expect((await tables.service.refusals(plan, name, 'swap')).join()).toContain('no room for the fence');
    expect(await tables.service.refusals(plan, name, 'new')).toEqual([]);
    await expect(tables.service.fence(name)).rejects.toMatchObject({ code: 'SERVICE_REFUSED' });
    expect(await policyText(name)).toBe(Policy);
  });
});

describe('a swap of tables', () => {
  const mapping = async (name: string, more: object = {}) => {
    const FunctionName = fresh('audit');
    await makeRole(FunctionName);
    const made = await tables.lambda.send(
      new CreateFunctionCommand({
        FunctionName,
        Runtime: 'nodejs22.x',
        Handler: 'index.handler',
        Role: `arn:aws:iam::${ACCOUNT_ID}:role/${FunctionName}`,
        Code: { ZipFile: new Uint8Array([0x50, 0x4b, 5, 6, ...new Array<number>(18).fill(0)]) },
      }),
    );
    const EventSourceArn = (await tables.client.send(new DescribeTableCommand({ TableName: name }))).Table!
      .LatestStreamArn!;
    const input = { FunctionName, EventSourceArn, StartingPosition: 'LATEST' as const, BatchSize: 7, ...more };
    const { UUID } = await tables.lambda.send(new CreateEventSourceMappingCommand(input));
    return { functionArn: made.FunctionArn!, UUID: UUID!, oldStream: EventSourceArn };
  };
  const makeRole = async (RoleName: string): Promise<void> => {
    const Statement = [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }];
    const AssumeRolePolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
    await new IAMClient(tables.account.clientConfig).send(
      new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument }),
    );
  };
  const mappingsOf = async (FunctionName: string) =>
    (await tables.lambda.send(new ListEventSourceMappingsCommand({ FunctionName }))).EventSourceMappings ?? [];

  it('makes the table again from its alias’s backup, under its name, with everything that belonged to it', async () => {
    const name = await full({ team: 'shop', cost: 'a b' });
    await tables.put(name, 'kept', { sk: { S: '1' } });
    const { functionArn, UUID, oldStream } = await mapping(name, {
      FilterCriteria: { Filters: [{ Pattern: '{"eventName":["INSERT"]}' }] },
    });
    const StreamArn = `arn:aws:kinesis:${tables.account.region}:${ACCOUNT_ID}:stream/changes`;
    await tables.client.send(new EnableKinesisStreamingDestinationCommand({ TableName: name, StreamArn }));
    const { settings } = await ready(name);
    expect(settings.values.KinesisStreamingDestinations).toMatchObject([{ StreamArn }]);
    expect(settings.values.EventSourceMappings).toMatchObject([{ FunctionArn: functionArn, BatchSize: 7 }]);

    const plan = await planOf(name, await momentOf(name, 'latest'));
    await tables.service.startAlias(plan, RESTORE_ID);
    const alias = await ready(plan.alias);
    expect(alias.madeFrom).toBe(settings.arn);
    await settle(plan.alias, settings);
    // An alias feeds nobody.
    expect((await read(plan.alias)).settings.values.KinesisStreamingDestinations).toBeUndefined();
    expect((await mappingsOf(functionArn)).map((one) => one.EventSourceArn)).toEqual([oldStream]);
    const backup = await backupOf(plan.alias);

    await tables.lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: false }));
    await removed(name);
    await tables.service.startFromBackup(name, backup, settings);
    await tables.service.startFromBackup(name, backup, settings);
    expect((await ready(name)).madeFrom).toBe(backup);
    await settle(name, settings);
    const made = await read(name);
    expect(made.settings.resourceId).not.toBe(settings.resourceId);
    expect(differencesOf(settings, made.settings)).toEqual([]);
    const now = await mappingsOf(functionArn);
    expect(now).toHaveLength(1);
    expect(now[0]).toMatchObject({ StartingPosition: 'TRIM_HORIZON', BatchSize: 7 });
    expect(now[0]!.EventSourceArn).not.toBe(oldStream);
    const found = await tables.client.send(
      new GetItemCommand({ TableName: name, Key: { pk: { S: 'kept' }, sk: { S: '1' } } }),
    );
    expect(found.Item).toBeDefined();
  });

  it('leaves a table alone that somebody else made under the name', async () => {
    const name = fresh('other');
    await tables.create(name);
    const backup = await backupOf(name);
    const { settings } = await read(name);
    const id = await idOf(tables.client, name);
    await expect(tables.service.startFromBackup(name, backup, settings)).rejects.toMatchObject({
      code: 'SERVICE_REFUSED',
    });
    expect(await idOf(tables.client, name)).toBe(id);
  });

  it('does not delete while a backup is being made, and loses no auto scaling of what stays', async () => {
    const name = await full();
    await tables.client.send(new CreateBackupCommand({ TableName: name, BackupName: 'by-hand' }));
    await tables.service.remove(name, {});
    expect(await read(name)).toMatchObject({ state: 'ready' });
    expect(tables.scaling.registered()).toContain(`table/${name} dynamodb:table:ReadCapacityUnits`);
    await removed(name);
    expect(tables.scaling.registered().join()).not.toContain(`table/${name} `);
  });

  it('does not delete before its final backup is there', async () => {
    const name = fresh('final');
    await tables.create(name, { DeletionProtectionEnabled: true });
    await tables.service.remove(name, { finalPoint: `nightjar-final-${name}` });
    expect(await read(name)).toMatchObject({
      state: 'ready',
      settings: { values: { DeletionProtectionEnabled: true } },
    });
    await eventually(tables, async () => {
      await tables.service.remove(name, { finalPoint: `nightjar-final-${name}` });
      return (await tables.service.read(name)) === undefined ? true : undefined;
    });
    const { arn } = await tables.service.createPoint(await renewed(name), `nightjar-final-${name}`, {});
    // A table that has the name by now gets a backup of its own.
    expect((await tables.service.pointState(arn))?.status).toBe('creating');
    // By its name both are found, of the deleted table too; and none of another name.
    const found = await tables.service.findPoints(name, `nightjar-final-${name}`);
    expect(found).toHaveLength(2);
    expect(found).toContain(arn);
    expect(await tables.service.findPoints(name, 'nightjar-other')).toEqual([]);
  });
  const renewed = async (name: string): Promise<string> => {
    await tables.create(name);
    return name;
  };
});

describe('settings', () => {
  it('one that is refused does not keep the others from being set, and is told', async () => {
    const name = await full();
    const { settings } = await read(name);
    const alias = `${name}-nj`;
    await tables.service.startFromBackup(alias, await backupOf(name), settings);
    await ready(alias);
    const wanted = structuredClone(settings);
    wanted.values.ContributorInsights = [{ IndexName: 'no-such-index' }];
    const failure = await settle(alias, wanted).catch((error: Error) => error);
    expect(failure).toMatchObject({ code: 'SERVICE_REFUSED' });
    expect((failure as Error).message).toContain('ContributorInsights (ResourceNotFoundException');
    const differ = differencesOf(settings, (await read(alias)).settings).map((one) => one.setting);
    expect(differ).toEqual(['ContributorInsights']);
  });

  it('throughput, key and a missing index come out as they were, of a backup that has others', async () => {
    const name = fresh('demand');
    await tables.create(name);
    const backup = await backupOf(name);
    const like = await full();
    const { settings } = await read(like);
    const wanted: NativeSettings = structuredClone(settings);
    for (const key of ['LocalSecondaryIndexes', 'ContributorInsights']) delete wanted.values[key];
    const alias = `${name}-nj`;
    await tables.service.startFromBackup(alias, backup, wanted);
    await ready(alias);
    await settle(alias, wanted);
    const found = (await read(alias)).settings;
    expect(found.values.BillingMode).toBe('PROVISIONED');
    expect(found.values.GlobalSecondaryIndexes).toEqual(settings.values.GlobalSecondaryIndexes);
    expect(found.values.SSESpecification).toMatchObject({ KMSMasterKeyId: KEY_ARN });
    expect(differencesOf(wanted, found).map((one) => one.setting)).toEqual(['AttributeDefinitions', 'KeySchema']);
    const restore = tables.requests.find(
      ({ operation, input }) => operation === 'RestoreTableFromBackup' && input.TargetTableName === alias,
    );
    expect(restore?.input).toMatchObject({
      BillingModeOverride: 'PROVISIONED',
      SSESpecificationOverride: { KMSMasterKeyId: KEY_ARN },
    });
  });

  it('a stream of another view type is switched off, then on', async () => {
    const name = await full();
    const { settings } = await read(name);
    const wanted = structuredClone(settings);
    wanted.values.StreamSpecification = { StreamEnabled: true, StreamViewType: 'KEYS_ONLY' };
    await settle(name, wanted);
    expect((await read(name)).settings.values.StreamSpecification).toEqual(wanted.values.StreamSpecification);
  });

  it('what auto scaling moves is no difference', async () => {
    const name = await full();
    const { settings } = await read(name);
    expect(settings.values.ProvisionedThroughput).toEqual({ WriteCapacityUnits: 3 });
  });
});

describe('a restore', () => {
  it('is refused by name when its moment is out of reach or PITR is off', async () => {
    const name = await full();
    const plan = await planOf(name, await momentOf(name, '2001-01-01T00:00:00.000Z'));
    await expect(tables.service.startAlias(plan, RESTORE_ID)).rejects.toMatchObject({ code: 'WINDOW_MISSED' });
    const bare = fresh('bare');
    await tables.create(bare);
    const off = await planOf(bare, await momentOf(bare, 'latest'));
    expect((await tables.service.refusals(off, bare, 'new')).join()).toContain('off');
    await expect(tables.service.startAlias(off, RESTORE_ID)).rejects.toMatchObject({ code: 'PITR_OFF' });
  });

  it('goes on after a crash that came before the alias was tagged', async () => {
    const name = await full();
    const plan = await planOf(name, await momentOf(name, 'latest'));
    await tables.service.startAlias(plan, RESTORE_ID);
    await ready(plan.alias);
    await tables.client.send(new UntagResourceCommand({ ResourceArn: arnOf(plan.alias), TagKeys: [RESTORE_TAG] }));
    await tables.service.startAlias(plan, RESTORE_ID);
    const { Tags } = await tables.client.send(new ListTagsOfResourceCommand({ ResourceArn: arnOf(plan.alias) }));
    expect(Tags).toContainEqual({ Key: RESTORE_TAG, Value: RESTORE_ID });
    // The alias of another restore is not taken.
    await expect(tables.service.startAlias(plan, RESTORE_ID.replace('W6', 'W7'))).rejects.toMatchObject({
      code: 'SERVICE_REFUSED',
    });
  });

  it('brings back a table that was deleted, as it was just before', async () => {
    const name = fresh('lost');
    await tables.create(name);
    await tables.service.enablePitr(name);
    await tables.put(name, 'last');
    const from = await momentOf(name, 'latest');
    const plan = { ...(await planOf(name, from)), original: undefined };
    await tables.client.send(new DeleteTableCommand({ TableName: name }));
    await gone(name);
    expect(await tables.service.refusals(plan, name, 'swap')).toEqual([]);
    await tables.service.startAlias({ ...plan, alias: name }, RESTORE_ID);
    await ready(name);
    const found = await tables.client.send(new GetItemCommand({ TableName: name, Key: { pk: { S: 'last' } } }));
    expect(found.Item).toBeDefined();
    const at = {
      ...plan,
      from: { ...from, at: new Date().toISOString() },
      alias: `${name}-b`,
    };
    // The table that has the name now has a history of its own.
    await tables.service.enablePitr(name);
    await expect(tables.service.startAlias(at, RESTORE_ID)).rejects.toMatchObject({ code: 'RESOURCE_MISSING' });
    expect(await tables.service.read(`${name}-b`)).toBeUndefined();
  });
});
