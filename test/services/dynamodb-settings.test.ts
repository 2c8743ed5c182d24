import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { changeOf } from '../../services/dynamodb-items.ts';
import { isFenced, withFence, withoutFence, withOwnArns, withOwnWords } from '../../services/dynamodb-policy.ts';
import { SETTINGS, SOURCES } from '../../services/dynamodb-settings.ts';
import { READ, sseOf, unitsOf, warmOf } from '../../services/dynamodb-values.ts';

const ARN = 'arn:aws:dynamodb:eu-west-1:123456789012:table/shop';

describe('the settings of a table', () => {
  const page = readFileSync(new URL('../../docs/native-restore.md', import.meta.url), 'utf8');

  it('stand in the documentation line by line, with what AWS does, where it says so, and what Nightjar does', () => {
    const section = page.slice(page.indexOf('## DynamoDB'));
    const rows = section
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .map((line) => line.replaceAll(/ +\|/g, ' |'));
    const expected = SETTINGS.map(([key, { restored, source, does }]) => {
      const where = source === 'unsaid' ? SOURCES.unsaid : `[${source}](${SOURCES[source]})`;
      return `| \`${key}\` | ${restored} | ${where} | ${does} |`;
    });
    expect(rows).toEqual(expected);
  });

  it('that are read are exactly those that are told', () => {
    expect(SETTINGS.map(([key]) => key).sort()).toEqual(Object.keys(READ).sort());
  });

  it('that a restore resets can all be reapplied', () => {
    for (const [key, { restored, update, put }] of SETTINGS)
      if (restored !== 'kept') expect(update ?? put, key).toBeDefined();
  });

  it('end with the protection against deletion', () => {
    expect(SETTINGS.at(-1)![0]).toBe('DeletionProtectionEnabled');
  });
});

describe('what is read', () => {
  it('knows a person’s settings from what AWS does by itself', () => {
    const scaling = [
      {
        On: 'table',
        ScalableDimension: 'dynamodb:table:ReadCapacityUnits',
        MinCapacity: 1,
        MaxCapacity: 9,
        Policies: [],
        ScheduledActions: [],
      } as const,
    ];
    const units = { ReadCapacityUnits: 8, WriteCapacityUnits: 2 };
    expect(unitsOf(units, 'table', scaling)).toEqual({ WriteCapacityUnits: 2 });
    expect(unitsOf(units, 'index/a', scaling)).toEqual(units);
    expect(unitsOf({ ReadCapacityUnits: 0, WriteCapacityUnits: 0 }, 'table', [])).toBeUndefined();
    expect(warmOf({ ReadUnitsPerSecond: 12_000, WriteUnitsPerSecond: 4_000 }, undefined)).toBeUndefined();
    expect(warmOf({ ReadUnitsPerSecond: 50_000, WriteUnitsPerSecond: 4_000 }, undefined)).toBeDefined();
    expect(warmOf({ ReadUnitsPerSecond: 8, WriteUnitsPerSecond: 2 }, units)).toBeUndefined();
    expect(sseOf({ Status: 'DISABLED', SSEType: 'KMS' })).toBeUndefined();
    expect(sseOf({ Status: 'UPDATING', SSEType: 'KMS', KMSMasterKeyArn: 'arn:k' })).toMatchObject({
      KMSMasterKeyId: 'arn:k',
    });
  });
});

describe('the policy', () => {
  const policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: { Effect: 'Allow', Principal: '*', Action: 'dynamodb:GetItem', Resource: ARN },
  });

  it('holds the fence once, against every call that writes items, and loses it whole', () => {
    const fenced = withFence(withFence(policy, ARN), ARN);
    const { Statement } = JSON.parse(fenced) as {
      Statement: { Sid?: string; Effect: string; Principal: unknown; Action: string[]; Condition?: unknown }[];
    };
    expect(Statement).toHaveLength(2);
    expect(Statement[1]).toMatchObject({ Effect: 'Deny', Principal: '*' });
    expect(Statement[1]!.Condition).toBeUndefined();
    expect(Statement[1]!.Action).toEqual(
      ['PutItem', 'UpdateItem', 'DeleteItem', 'BatchWriteItem', 'PartiQLInsert', 'PartiQLUpdate', 'PartiQLDelete'].map(
        (one) => `dynamodb:${one}`,
      ),
    );
    expect(isFenced(fenced)).toBe(true);
    expect(isFenced(withoutFence(fenced))).toBe(false);
    expect(withoutFence(withFence('', ARN))).toBe('');
    expect(withoutFence(policy)).toBe(policy);
  });

  it('compares between a table and its alias, and no other table’s ARN is taken for its own', () => {
    const text = JSON.stringify([ARN, `${ARN}/index/*`, `${ARN}-2`]);
    const own = withOwnWords(text, ARN);
    expect(own).toBe(JSON.stringify(['<table>', '<table>/index/*', `${ARN}-2`]));
    expect(withOwnArns(own, `${ARN}-nj`)).toBe(JSON.stringify([`${ARN}-nj`, `${ARN}-nj/index/*`, `${ARN}-2`]));
  });
});

describe('a change of an item', () => {
  it('touches only what differs, under the condition of everything that was read', () => {
    const change = changeOf(
      { pk: { S: 'a' } },
      { pk: { S: 'a' }, x: { N: '1' }, y: { S: 's' }, old: { S: 'o' } },
      { pk: { S: 'a' }, x: { N: '2' }, y: { S: 's' }, fresh: { S: 'f' } },
    )!;
    expect(change.UpdateExpression).toBe('SET #0=:n0,#2=:n2 REMOVE #1');
    expect(change.ConditionExpression).toBe(
      'attribute_exists(#k0) AND attribute_not_exists(#0) AND #1=:o1 AND #2=:o2 AND #3=:o3',
    );
    expect(change.ExpressionAttributeNames).toEqual({ '#k0': 'pk', '#0': 'fresh', '#1': 'old', '#2': 'x', '#3': 'y' });
  });

  it('that takes more operators than an expression has room for is not tried', () => {
    const wide = (value: string) =>
      Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`a${index}`, { S: value }]));
    expect(changeOf({ pk: { S: 'a' } }, wide('1'), wide('2'))).toBeUndefined();
    expect(changeOf({ pk: { S: 'a' } }, wide('1'), { ...wide('1'), a5: { S: '2' } })).toBeDefined();
  });
});
