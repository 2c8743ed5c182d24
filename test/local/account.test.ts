import {
  BatchWriteItemCommand,
  CreateTableCommand,
  DynamoDBClient,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
} from '@aws-sdk/client-dynamodb';
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  ListBucketsCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { CreateEmailIdentityCommand, SendEmailCommand, SESv2Client } from '@aws-sdk/client-sesv2';
import { DescribeTasksCommand, ECSClient, RunTaskCommand, StopTaskCommand } from '@aws-sdk/client-ecs';
import { EventBridgeClient, PutEventsCommand, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import { CreateScheduleCommand, DeleteScheduleCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import {
  DescribeExecutionCommand,
  ListExecutionsCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAccount, type Account } from '../../local/account.ts';
import {
  begin,
  CLUSTER,
  logLines,
  makeMachine,
  makeRole,
  makeToyTask,
  outcome,
  runToy,
  sleep,
  TOY_TASK,
  until,
} from './toy.ts';

const STOP_TIMEOUT = 2;
let account: Account;

beforeAll(async () => {
  account = await startAccount({
    bundle: TOY_TASK,
    imageEnv: { FROM_IMAGE: 'yes', TOY_S3_CLIENT: createRequire(import.meta.url).resolve('@aws-sdk/client-s3') },
    credentialSeconds: 302,
  });
  await makeToyTask(account, STOP_TIMEOUT);
}, 60_000);
afterAll(() => account?.stop(), 30_000);

const alive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** The container of the task that an execution has started, once it runs. */
async function running(seen: Set<string>) {
  return until(() => account.containers.list().find((c) => c.status === 'running' && !seen.has(c.id)), 'a task to run');
}
const known = () => new Set(account.containers.list().map((c) => c.id));

/** A task's record once it has stopped. */
const stopped = (task: string) =>
  until(async () => {
    const { tasks = [] } = await new ECSClient(account.clientConfig).send(
      new DescribeTasksCommand({ cluster: CLUSTER, tasks: [task] }),
    );
    return tasks[0]?.lastStatus === 'STOPPED' ? tasks[0] : undefined;
  }, 'the task to stop');

describe('the account', () => {
  test('answers an administrator', async () => {
    const { Buckets } = await new S3Client(account.clientConfig).send(new ListBucketsCommand({}));
    expect(Array.isArray(Buckets)).toBe(true);
  });

  test('refuses a mail from a sender nobody has verified, and keeps the ones it accepts', async () => {
    const ses = new SESv2Client(account.clientConfig);
    const mail = (from: string) =>
      new SendEmailCommand({
        FromEmailAddress: from,
        Destination: { ToAddresses: ['reader@example.com'] },
        Content: {
          Simple: { Subject: { Data: 'Hello' }, Body: { Text: { Data: 'plain' }, Html: { Data: '<p>rich</p>' } } },
        },
      });
    await expect(ses.send(mail('stranger@example.net'))).rejects.toThrow(/not verified/);
    await ses.send(new CreateEmailIdentityCommand({ EmailIdentity: 'sender@example.org' }));
    await ses.send(new CreateEmailIdentityCommand({ EmailIdentity: 'reader@example.com' }));
    await ses.send(mail('sender@example.org'));
    const mails = await account.messages();
    expect(mails).toHaveLength(1);
    expect(mails[0]).toMatchObject({
      from: 'sender@example.org',
      to: ['reader@example.com'],
      subject: 'Hello',
      text: 'plain',
      html: '<p>rich</p>',
    });
  });
});

describe('a task', () => {
  test('gets what ECS, Fargate and its image set, and nothing of this shell', async () => {
    process.env.NOT_FOR_TASKS = 'secret';
    const told = await outcome(account, await begin(account, await makeMachine(account, { Run: runToy('print') })));
    expect(told.status).toBe('SUCCEEDED');
    const task = account.containers.list().at(-1);
    const env = JSON.parse(task?.output ?? '{}') as Record<string, string>;
    expect(env).toMatchObject({
      TOY: 'print',
      FROM_IMAGE: 'yes',
      AWS_REGION: account.region,
      AWS_ENDPOINT_URL: account.endpoint,
    });
    expect(env.AWS_CONTAINER_CREDENTIALS_FULL_URI).toMatch(/^http:\/\/127\.0\.0\.1:/);
    expect(env).not.toHaveProperty('NOT_FOR_TASKS');
    expect(env).not.toHaveProperty('AWS_ACCESS_KEY_ID');
  });

  test('writes its lines to the log group of its definition', async () => {
    const told = await outcome(account, await begin(account, await makeMachine(account, { Run: runToy('exit 0') })));
    const task = JSON.parse(told.output ?? '{}') as { TaskArn: string };
    const lines = await until(async () => {
      const found = await logLines(account, task.TaskArn.split('/').pop() ?? '');
      return found.length > 0 ? found : undefined;
    }, 'log lines');
    expect(lines).toEqual(['exiting with 0']);
  });

  test('is allowed what its role allows and refused the rest', async () => {
    const s3 = new S3Client(account.clientConfig);
    await s3.send(new CreateBucketCommand({ Bucket: 'open' }));
    await s3.send(new CreateBucketCommand({ Bucket: 'closed' }));
    for (const [bucket, said] of [
      ['open', 'allowed'],
      ['closed', 'refused: AccessDenied'],
    ] as const) {
      await outcome(account, await begin(account, await makeMachine(account, { Run: runToy(`aws ${bucket}`) })));
      expect(account.containers.list().at(-1)?.output).toContain(said);
    }
  });

  test('is handed new credentials before the old ones run out', async () => {
    await outcome(account, await begin(account, await makeMachine(account, { Run: runToy('aws open 15') })));
    const task = account.containers.list().at(-1);
    expect(task?.output.match(/allowed/g)).toHaveLength(15);
    expect(account.containers.credentials.handedOut.get(task?.id ?? '')).toBeGreaterThan(1);
  });

  test('carries the CPU, memory and storage of its overrides', async () => {
    const { tasks = [] } = await new ECSClient(account.clientConfig).send(
      new RunTaskCommand({
        cluster: CLUSTER,
        taskDefinition: 'toy',
        launchType: 'FARGATE',
        overrides: { cpu: '1024', memory: '2048', ephemeralStorage: { sizeInGiB: 60 } },
      }),
    );
    expect(tasks[0]).toMatchObject({ cpu: '1024', memory: '2048', ephemeralStorage: { sizeInGiB: 60 } });
    await stopped(tasks[0]?.taskArn ?? '');
  });

  test('that is stopped gets SIGTERM first and ends with its own exit code', async () => {
    const seen = known();
    const ecs = new ECSClient(account.clientConfig);
    await begin(account, await makeMachine(account, { Run: runToy('wait') }));
    const task = await running(seen);
    await until(
      () => (account.containers.list().at(-1)?.output.includes('waiting') ? true : undefined),
      'the task to be ready',
    );
    await ecs.send(new StopTaskCommand({ cluster: CLUSTER, task: task.taskArn, reason: 'enough' }));
    const record = await stopped(task.taskArn);
    expect(record).toMatchObject({
      stopCode: 'UserInitiated',
      stoppedReason: 'enough',
      containers: [{ exitCode: 143 }],
    });
    expect(account.containers.list().at(-1)?.output).toContain('asked to stop');
  });

  test('that does not listen is killed after its stopTimeout, with every process it has started', async () => {
    const seen = known();
    await begin(account, await makeMachine(account, { Run: runToy('deaf') }));
    const task = await running(seen);
    const child = await until(
      () => /child (\d+)/.exec(account.containers.list().at(-1)?.output ?? '')?.[1],
      'the grandchild',
    );
    const asked = Date.now();
    await new ECSClient(account.clientConfig).send(new StopTaskCommand({ cluster: CLUSTER, task: task.taskArn }));
    const record = await stopped(task.taskArn);
    expect(Date.now() - asked).toBeGreaterThan(STOP_TIMEOUT * 1000 - 100);
    expect(record.containers?.[0]?.exitCode).toBe(137);
    await until(() => (alive(Number(child)) ? undefined : true), 'the grandchild to end');
  });
});

describe('ecs:runTask.sync', () => {
  test('succeeds with the task itself when its container exits with 0', async () => {
    const told = await outcome(account, await begin(account, await makeMachine(account, { Run: runToy('exit 0') })));
    expect(told.status).toBe('SUCCEEDED');
    expect(JSON.parse(told.output ?? '')).toMatchObject({
      LastStatus: 'STOPPED',
      Containers: [{ Name: 'main', ExitCode: 0 }],
    });
  });

  test('fails with States.TaskFailed, the task as its cause, when the container exits with 1', async () => {
    const told = await outcome(account, await begin(account, await makeMachine(account, { Run: runToy('exit 1') })));
    expect(told).toMatchObject({ status: 'FAILED', error: 'States.TaskFailed' });
    expect(JSON.parse(told.cause ?? '')).toMatchObject({
      StopCode: 'EssentialContainerExited',
      Containers: [{ ExitCode: 1 }],
    });
  });

  test('fails when the task is killed without a word', async () => {
    const seen = known();
    const execution = await begin(account, await makeMachine(account, { Run: runToy('wait') }));
    const task = await running(seen);
    expect(account.containers.kill(task.pid ?? 0)).toBe(1);
    const told = await outcome(account, execution);
    expect(told).toMatchObject({ status: 'FAILED', error: 'States.TaskFailed' });
    expect(JSON.parse(told.cause ?? '')).toMatchObject({ Containers: [{ ExitCode: 137 }] });
  });

  test('fails when the task never starts', async () => {
    account.containers.refuse('no room');
    const told = await outcome(account, await begin(account, await makeMachine(account, { Run: runToy('exit 0') })));
    account.containers.refuse();
    expect(told).toMatchObject({ status: 'FAILED', error: 'States.TaskFailed' });
    expect(JSON.parse(told.cause ?? '')).toMatchObject({ StopCode: 'TaskFailedToStart' });
    expect(told.cause).toContain('no room');
  });

  test('names the service error when ECS refuses the request', async () => {
    const state = runToy('exit 0') as { Parameters: object };
    const wrong = { ...state, Parameters: { ...state.Parameters, TaskDefinition: 'nobody' } };
    const told = await outcome(account, await begin(account, await makeMachine(account, { Run: wrong })));
    expect(told).toMatchObject({ status: 'FAILED', error: 'ECS.ClientException' });
  });

  test('stops the task and raises States.Timeout when the state runs out of time', async () => {
    const seen = known();
    const machine = await makeMachine(account, {
      Run: runToy('wait', { TimeoutSeconds: 2, Catch: [{ ErrorEquals: ['States.Timeout'], Next: 'Late' }] }),
      Late: { Type: 'Pass', Result: 'late', End: true },
    });
    const execution = await begin(account, machine);
    const task = await running(seen);
    expect((await outcome(account, execution)).output).toBe('"late"');
    await until(() => (alive(task.pid ?? 0) ? undefined : true), 'the task to end');
  });

  test('takes its time-out from the input where TimeoutSecondsPath says so', async () => {
    const machine = await makeMachine(account, { Run: runToy('wait', { TimeoutSecondsPath: '$.limit' }) });
    const told = await outcome(account, await begin(account, machine, { limit: 1 }));
    expect(told).toMatchObject({ status: 'FAILED', error: 'States.Timeout' });
  });
});

describe('an execution', () => {
  const guarded = () => ({
    Run: runToy('wait', { Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Caught' }] }),
    Caught: { Type: 'Pass', Result: 'caught', End: true },
  });

  test('that is stopped stays ABORTED, stops its task, and runs no Catch', async () => {
    const seen = known();
    const sfn = new SFNClient(account.clientConfig);
    const execution = await begin(account, await makeMachine(account, guarded()));
    const task = await running(seen);
    await sfn.send(new StopExecutionCommand({ executionArn: execution, error: 'Stopped', cause: 'by hand' }));
    await until(() => (alive(task.pid ?? 0) ? undefined : true), 'the task to end');
    await sleep(500);
    const told = await sfn.send(new DescribeExecutionCommand({ executionArn: execution }));
    expect(told).toMatchObject({ status: 'ABORTED', error: 'Stopped', cause: 'by hand' });
    expect(told.output).toBeFalsy();
  });

  test('that runs longer than its own TimeoutSeconds is TIMED_OUT, stops its task, and runs no Catch', async () => {
    const seen = known();
    const execution = await begin(account, await makeMachine(account, guarded(), { TimeoutSeconds: 2 }));
    const task = await running(seen);
    const told = await outcome(account, execution);
    expect(told).toMatchObject({ status: 'TIMED_OUT', error: 'States.Timeout' });
    await until(() => (alive(task.pid ?? 0) ? undefined : true), 'the task to end');
    await sleep(500);
    expect((await outcome(account, execution)).status).toBe('TIMED_OUT');
  });

  test('stops the execution it waits for when it is stopped itself', async () => {
    const seen = known();
    const sfn = new SFNClient(account.clientConfig);
    const child = await makeMachine(account, guarded());
    const parent = await makeMachine(account, {
      Child: {
        Type: 'Task',
        Resource: 'arn:aws:states:::states:startExecution.sync:2',
        Parameters: { StateMachineArn: child, Input: {} },
        End: true,
      },
    });
    const execution = await begin(account, parent);
    const task = await running(seen);
    await sfn.send(new StopExecutionCommand({ executionArn: execution }));
    const { executions = [] } = await sfn.send(new ListExecutionsCommand({ stateMachineArn: child }));
    expect(executions.map((one) => one.status)).toEqual(['ABORTED']);
    await until(() => (alive(task.pid ?? 0) ? undefined : true), 'the task to end');
  });

  test('fails with States.TaskFailed when the execution it waits for fails', async () => {
    const child = await makeMachine(account, { No: { Type: 'Fail', Error: 'Own', Cause: 'reason' } });
    const parent = await makeMachine(account, {
      Child: {
        Type: 'Task',
        Resource: 'arn:aws:states:::states:startExecution.sync:2',
        Parameters: { StateMachineArn: child, Input: {} },
        End: true,
      },
    });
    const told = await outcome(account, await begin(account, parent));
    expect(told).toMatchObject({ status: 'FAILED', error: 'States.TaskFailed' });
    expect(JSON.parse(told.cause ?? '')).toMatchObject({ Status: 'FAILED', Error: 'Own', Cause: 'reason' });
  });

  test('aborts the tasks of its Distributed Map', async () => {
    const seen = known();
    const sfn = new SFNClient(account.clientConfig);
    const machine = await makeMachine(account, {
      Each: {
        Type: 'Map',
        ItemsPath: '$.items',
        ToleratedFailurePercentage: 100,
        ItemProcessor: {
          ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
          StartAt: 'Run',
          States: guarded(),
        },
        End: true,
      },
    });
    const execution = await begin(account, machine, { items: [1, 2] });
    await until(
      () =>
        account.containers.list().filter((c) => c.status === 'running' && !seen.has(c.id)).length === 2
          ? true
          : undefined,
      'both tasks to run',
    );
    await sfn.send(new StopExecutionCommand({ executionArn: execution }));
    await until(
      () => (account.containers.list().some((c) => c.status === 'running' && !seen.has(c.id)) ? undefined : true),
      'both tasks to end',
    );
    await sleep(500);
    expect((await sfn.send(new DescribeExecutionCommand({ executionArn: execution }))).status).toBe('ABORTED');
  });

  test('asked for twice with one name and input while it runs is one execution', async () => {
    const sfn = new SFNClient(account.clientConfig);
    const machine = await makeMachine(account, { Rest: { Type: 'Wait', Seconds: 3, End: true } });
    const ask = (input: string) =>
      sfn.send(new StartExecutionCommand({ stateMachineArn: machine, name: 'same', input }));
    const [first, second] = [await ask('{}'), await ask('{}')];
    expect(second.executionArn).toBe(first.executionArn);
    await expect(ask('{"other":1}')).rejects.toThrow(/already exists/i);
  });
});

describe('IAM conditions', () => {
  /** A client's config as one who has assumed a role with these statements. */
  async function as(name: string, statements: object[]) {
    const trust = `arn:aws:iam::${account.accountId}:root`;
    const RoleArn = await makeRole(account, name, { AWS: trust }, statements);
    const { Credentials } = await new STSClient(account.clientConfig).send(
      new AssumeRoleCommand({ RoleArn, RoleSessionName: name }),
    );
    const credentials = {
      accessKeyId: Credentials?.AccessKeyId ?? '',
      secretAccessKey: Credentials?.SecretAccessKey ?? '',
      sessionToken: Credentials?.SessionToken ?? '',
    };
    return { ...account.clientConfig, credentials };
  }

  test('on the partition keys of DynamoDB hold for puts, batches and queries', async () => {
    const Table = 'leading';
    await new DynamoDBClient(account.clientConfig).send(
      new CreateTableCommand({
        TableName: Table,
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      }),
    );
    const client = new DynamoDBClient(
      await as('toy-leading', [
        {
          Effect: 'Allow',
          Action: 'dynamodb:*',
          Resource: '*',
          Condition: {
            'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['MINE#*'] },
            Null: { 'dynamodb:LeadingKeys': 'false' },
          },
        },
      ]),
    );
    const put = (pk: string) => client.send(new PutItemCommand({ TableName: Table, Item: { pk: { S: pk } } }));
    const batch = (pk: string) =>
      client.send(
        new BatchWriteItemCommand({ RequestItems: { [Table]: [{ PutRequest: { Item: { pk: { S: pk } } } }] } }),
      );
    const query = (pk: string) =>
      client.send(
        new QueryCommand({
          TableName: Table,
          KeyConditionExpression: '#p = :p',
          ExpressionAttributeNames: { '#p': 'pk' },
          ExpressionAttributeValues: { ':p': { S: pk } },
        }),
      );
    for (const call of [put, batch, query]) {
      await expect(call('MINE#1')).resolves.toBeDefined();
      await expect(call('YOURS#1')).rejects.toThrow(/not authorized/);
    }
    await expect(client.send(new ScanCommand({ TableName: Table }))).rejects.toThrow(/not authorized/);
  });

  test('on the source of events and the sender of mails hold', async () => {
    const config = await as('toy-speaker', [
      {
        Effect: 'Allow',
        Action: 'events:PutEvents',
        Resource: '*',
        Condition: { 'ForAllValues:StringEquals': { 'events:source': ['mine'] }, Null: { 'events:source': 'false' } },
      },
      {
        Effect: 'Allow',
        Action: 'ses:SendEmail',
        Resource: `arn:aws:ses:${account.region}:${account.accountId}:identity/*`,
        Condition: { StringEquals: { 'ses:FromAddress': 'sender@example.org' } },
      },
    ]);
    const event = (Source: string) =>
      new EventBridgeClient(config).send(
        new PutEventsCommand({ Entries: [{ Source, DetailType: 'Toy', Detail: '{}' }] }),
      );
    await expect(event('mine')).resolves.toBeDefined();
    await expect(event('yours')).rejects.toThrow(/not authorized/);
    const mail = (FromEmailAddress: string) =>
      new SESv2Client(config).send(
        new SendEmailCommand({
          FromEmailAddress,
          Destination: { ToAddresses: ['reader@example.com'] },
          Content: { Simple: { Subject: { Data: 'Again' }, Body: { Text: { Data: 'plain' } } } },
        }),
      );
    await expect(mail('sender@example.org')).resolves.toBeDefined();
    await expect(mail('reader@example.com')).rejects.toThrow(/not authorized/);
  });

  test('of a bucket policy demand If-None-Match of what creates an object, and not of its parts', async () => {
    const s3 = new S3Client(account.clientConfig);
    const Bucket = 'written-once';
    await s3.send(new CreateBucketCommand({ Bucket }));
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Deny',
          Principal: '*',
          Action: 's3:PutObject',
          Resource: `arn:aws:s3:::${Bucket}/*`,
          Condition: { Null: { 's3:if-none-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } },
        },
      ],
    });
    await s3.send(new PutBucketPolicyCommand({ Bucket, Policy }));
    const put = (IfNoneMatch?: string) => s3.send(new PutObjectCommand({ Bucket, Key: 'a', Body: 'x', IfNoneMatch }));
    await expect(put()).rejects.toThrow(/denied|not authorized/i);
    await expect(put('*')).resolves.toBeDefined();
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'b' }));
    const { ETag } = await s3.send(new UploadPartCommand({ Bucket, Key: 'b', UploadId, PartNumber: 1, Body: 'x' }));
    const complete = (IfNoneMatch?: string) =>
      s3.send(
        new CompleteMultipartUploadCommand({
          Bucket,
          Key: 'b',
          UploadId,
          IfNoneMatch,
          MultipartUpload: { Parts: [{ ETag, PartNumber: 1 }] },
        }),
      );
    await expect(complete()).rejects.toThrow(/denied|not authorized/i);
    await expect(complete('*')).resolves.toBeDefined();
  });
});

describe('events', () => {
  test('tell of every status of an execution and every end of a task', async () => {
    const events = new EventBridgeClient(account.clientConfig);
    const sfn = new SFNClient(account.clientConfig);
    const listener = await makeMachine(account, { Hear: { Type: 'Pass', End: true } });
    const role = await makeRole(account, 'toy-events', 'events.amazonaws.com', [
      { Effect: 'Allow', Action: 'states:StartExecution', Resource: '*' },
    ]);
    const machine = await makeMachine(account, { Run: runToy('exit 3') });
    const rules = {
      workflows: {
        source: ['aws.states'],
        'detail-type': ['Step Functions Execution Status Change'],
        detail: { stateMachineArn: [machine] },
      },
      tasks: { source: ['aws.ecs'], 'detail-type': ['ECS Task State Change'], detail: { lastStatus: ['STOPPED'] } },
    };
    for (const [Name, pattern] of Object.entries(rules)) {
      await events.send(new PutRuleCommand({ Name, EventPattern: JSON.stringify(pattern) }));
      await events.send(new PutTargetsCommand({ Rule: Name, Targets: [{ Id: '1', Arn: listener, RoleArn: role }] }));
    }
    const execution = await begin(account, machine);
    await outcome(account, execution);
    const heard = await until(async () => {
      const { executions = [] } = await sfn.send(new ListExecutionsCommand({ stateMachineArn: listener }));
      if (executions.length < 3) return undefined;
      const told = await Promise.all(
        executions.map(({ executionArn }) => sfn.send(new DescribeExecutionCommand({ executionArn }))),
      );
      return told.map(({ input }) => JSON.parse(input ?? '') as { source: string; detail: Record<string, unknown> });
    }, 'three events');
    const ofWorkflows = heard.filter(({ source }) => source === 'aws.states').map(({ detail }) => detail);
    expect(ofWorkflows.map(({ status }) => status).sort()).toEqual(['FAILED', 'RUNNING']);
    expect(ofWorkflows.find(({ status }) => status === 'FAILED')).toMatchObject({
      executionArn: execution,
      error: 'States.TaskFailed',
    });
    const ofTasks = heard.filter(({ source }) => source === 'aws.ecs').map(({ detail }) => detail);
    expect(ofTasks).toMatchObject([
      { lastStatus: 'STOPPED', stopCode: 'EssentialContainerExited', containers: [{ exitCode: 3 }] },
    ]);
  });
});

describe('a schedule', () => {
  const scheduler = () => new SchedulerClient(account.clientConfig);
  const scheduleRole = (name: string) =>
    makeRole(account, name, 'scheduler.amazonaws.com', [
      { Effect: 'Allow', Action: 'states:StartExecution', Resource: '*' },
    ]);

  /** A wall-clock time in a zone, the given seconds from now, as at() takes it. */
  const inZone = (zone: string, seconds: number) =>
    new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' })
      .format(Date.now() + seconds * 1000)
      .replace(' ', 'T');

  async function fired(machine: string) {
    const sfn = new SFNClient(account.clientConfig);
    return until(async () => {
      const { executions = [] } = await sfn.send(new ListExecutionsCommand({ stateMachineArn: machine }));
      const executionArn = executions[0]?.executionArn;
      return executionArn ? sfn.send(new DescribeExecutionCommand({ executionArn })) : undefined;
    }, 'the schedule to fire');
  }

  test('fires at its time in its own time zone, with the scheduled time in its input', async () => {
    const machine = await makeMachine(account, { Hear: { Type: 'Pass', End: true } });
    const at = inZone('Asia/Tokyo', 3);
    await scheduler().send(
      new CreateScheduleCommand({
        Name: 'once',
        ScheduleExpression: `at(${at})`,
        ScheduleExpressionTimezone: 'Asia/Tokyo',
        FlexibleTimeWindow: { Mode: 'OFF' },
        Target: {
          Arn: machine,
          RoleArn: await scheduleRole('toy-schedule'),
          Input: JSON.stringify({
            time: '<aws.scheduler.scheduled-time>',
            id: '<aws.scheduler.execution-id>',
            attempt: '<aws.scheduler.attempt-number>',
            schedule: '<aws.scheduler.schedule-arn>',
          }),
        },
      }),
    );
    const input = JSON.parse((await fired(machine)).input ?? '') as Record<string, string>;
    expect(new Date(input.time ?? '').toISOString()).toBe(new Date(`${at}+09:00`).toISOString());
    expect(input.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(input.attempt).toBe('1');
    expect(input.id).toMatch(/^[0-9a-f-]{36}$/);
    expect(input.schedule).toBe(`arn:aws:scheduler:${account.region}:${account.accountId}:schedule/default/once`);
    await scheduler().send(new DeleteScheduleCommand({ Name: 'once' }));
  });

  test('starts a named execution through the universal target', async () => {
    const machine = await makeMachine(account, { Hear: { Type: 'Pass', End: true } });
    await scheduler().send(
      new CreateScheduleCommand({
        Name: 'universal',
        ScheduleExpression: `at(${inZone('UTC', 2)})`,
        FlexibleTimeWindow: { Mode: 'OFF' },
        Target: {
          Arn: 'arn:aws:scheduler:::aws-sdk:sfn:startExecution',
          RoleArn: await scheduleRole('toy-universal'),
          Input: JSON.stringify({
            StateMachineArn: machine,
            Name: 'run-<aws.scheduler.attempt-number>',
            Input: '{"a":1}',
          }),
        },
      }),
    );
    expect(await fired(machine)).toMatchObject({ name: 'run-1', input: '{"a":1}' });
  });
});
