import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DescribeTaskDefinitionCommand, ECSClient } from '@aws-sdk/client-ecs';
import { GetBucketLifecycleConfigurationCommand, S3Client } from '@aws-sdk/client-s3';
import { GetScheduleCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAccount, type Account } from '../../local/account.ts';
import { deploy, type Deployment } from '../../local/deploy.ts';
import { settle } from '../../local/settle.ts';
import { begin, makeMachine, makeRole, outcome, TOY_TASK } from './toy.ts';

let account: Account;
let deployment: Deployment;
const output = (name: string) =>
  deployment.outputs['toy-work']?.[name] ?? deployment.outputs['toy-store']?.[name] ?? '';

beforeAll(async () => {
  account = await startAccount({ bundle: TOY_TASK });
  const app = `${process.execPath} --import ${import.meta.resolve('tsx')} ${fileURLToPath(new URL('toy-app.ts', import.meta.url))}`;
  deployment = await deploy({ account, app, cwd: account.dir });
}, 240_000);
afterAll(() => account?.stop());

test('what CloudFormation dropped is there after the deploy', async () => {
  expect(deployment.settled.map((one) => one.replace(/[0-9A-F]{8}(?=:)/, '')).sort()).toEqual([
    'Bucket: Object Lock',
    'Bucket: encryption',
    'Bucket: lifecycle',
    'Table: deletion protection',
    'Table: encryption',
    'Table: point-in-time recovery',
    'Table: time to live',
  ]);
  const { Rules = [] } = await new S3Client(account.clientConfig).send(
    new GetBucketLifecycleConfigurationCommand({ Bucket: output('BucketName') }),
  );
  expect(Rules.find((rule) => rule.ID === 'archive')).toMatchObject({
    Filter: { And: { Prefix: 'a/', Tags: expect.arrayContaining([{ Key: 'kind', Value: 'data' }]) as unknown } },
    Transitions: [{ Days: 30, StorageClass: 'GLACIER' }],
  });
});

test('a second look finds nothing to do', async () => {
  expect(await settle(deployment.cdkOut, account)).toEqual([]);
});

test('a declared property that is not there and cannot be brought about is an error', async () => {
  const file = join(deployment.cdkOut, 'toy-store.template.json');
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace('"Status": "Enabled"\n    }', '"Status": "Suspended"\n    }'));
  await expect(settle(deployment.cdkOut, account)).rejects.toThrow(/versioning: wanted "Suspended", found "Enabled"/);
  await writeFile(file, text);
});

test('a deployed task gets its secret, and a Ref to the secret is its ARN', async () => {
  const told = await outcome(account, await begin(account, output('MachineArn'), { deed: 'print' }));
  expect(told.status).toBe('SUCCEEDED');
  const env = JSON.parse(account.containers.list().at(-1)?.output ?? '') as Record<string, string>;
  expect(env.WHO).toBe('ada');
  expect(env.SECRET).toMatch(/^arn:aws:secretsmanager:/);
  expect(output('SecretRef')).toBe(env.SECRET);
});

test('a deployed task definition keeps its size, storage and platform', async () => {
  const { taskDefinition } = await new ECSClient(account.clientConfig).send(
    new DescribeTaskDefinitionCommand({ taskDefinition: output('TaskDefinition') }),
  );
  expect(taskDefinition).toMatchObject({ cpu: '512', memory: '1024', ephemeralStorage: { sizeInGiB: 30 } });
});

test('a deployed schedule keeps its time zone', async () => {
  const schedule = await new SchedulerClient(account.clientConfig).send(
    new GetScheduleCommand({ Name: output('ScheduleName') }),
  );
  expect(schedule).toMatchObject({
    ScheduleExpression: 'cron(30 2 * * ? *)',
    ScheduleExpressionTimezone: 'Europe/Zurich',
  });
});

test('a deployed function is allowed what its role allows and refused the rest', async () => {
  await makeRole(account, 'toy-machine', 'states.amazonaws.com', [{ Effect: 'Allow', Action: '*', Resource: '*' }]);
  const machine = await makeMachine(account, {
    Call: {
      Type: 'Task',
      Resource: 'arn:aws:states:::lambda:invoke',
      Parameters: { FunctionName: output('ReaderName') },
      OutputPath: '$.Payload',
      End: true,
    },
  });
  const told = await outcome(account, await begin(account, machine));
  expect(JSON.parse(told.output ?? '{}')).toEqual({ scan: 'allowed', put: 'AccessDeniedException' });
});

test('a function that throws is caught by the name of its error', async () => {
  const call = { Type: 'Task', Resource: 'arn:aws:states:::lambda:invoke', End: true };
  const machine = await makeMachine(account, {
    Call: {
      ...call,
      Parameters: { FunctionName: output('ReaderName'), Payload: { fail: 'OWN_ERROR' } },
      Catch: [{ ErrorEquals: ['OWN_ERROR'], Next: 'Caught' }],
    },
    Caught: { Type: 'Pass', Parameters: { 'cause.$': 'States.StringToJson($.Cause)' }, End: true },
  });
  const told = await outcome(account, await begin(account, machine));
  expect(JSON.parse(told.output ?? '{}')).toMatchObject({
    cause: { errorType: 'OWN_ERROR', errorMessage: 'on purpose', trace: expect.any(Array) as unknown },
  });
});

test('any AWS client works with the exports', () => {
  const script = `import('@aws-sdk/client-sts').then(({ STSClient, GetCallerIdentityCommand }) => new STSClient({}).send(new GetCallerIdentityCommand({}))).then(({ Arn }) => console.log(Arn))`;
  const said = execFileSync(process.execPath, ['-e', script], {
    env: { PATH: process.env.PATH, ...account.env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  expect(said.trim()).toBe(`arn:aws:iam::${account.accountId}:user/administrator`);
});
