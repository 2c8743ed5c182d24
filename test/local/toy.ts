/** Small things made by API calls, for the tests of the pretend account. */
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  GetLogEventsCommand,
  DescribeLogStreamsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { CreateClusterCommand, ECSClient, RegisterTaskDefinitionCommand } from '@aws-sdk/client-ecs';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  SFNClient,
  StartExecutionCommand,
  type DescribeExecutionCommandOutput,
} from '@aws-sdk/client-sfn';
import { fileURLToPath } from 'node:url';
import type { Account } from '../../local/account.ts';

export const TOY_TASK = fileURLToPath(new URL('toy-task.mjs', import.meta.url));
export const CLUSTER = 'toys';
export const LOG_GROUP = '/toys';

export const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Asks again until the answer is there; fails after `seconds`. */
export async function until<T>(
  ask: () => Promise<T | undefined> | T | undefined,
  what: string,
  seconds = 20,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${seconds} s for ${what}`);
    await sleep(100);
  }
}

/** A role that a service (or another principal) may assume, with one inline policy. Returns its ARN. */
export async function makeRole(
  account: Account,
  name: string,
  service: string | object,
  statements: object[],
): Promise<string> {
  const iam = new IAMClient(account.clientConfig);
  const trust = {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: typeof service === 'string' ? { Service: service } : service,
        Action: 'sts:AssumeRole',
      },
    ],
  };
  const { Role } = await iam.send(
    new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: JSON.stringify(trust) }),
  );
  await iam.send(
    new PutRolePolicyCommand({
      RoleName: name,
      PolicyName: 'toy',
      PolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: statements }),
    }),
  );
  return Role?.Arn ?? '';
}

/** A role for state machines, a cluster, a log group, and a task definition named `toy` whose task may list only the bucket `open`. */
export async function makeToyTask(account: Account, stopTimeout: number): Promise<void> {
  const role = await makeRole(account, 'toy-task', 'ecs-tasks.amazonaws.com', [
    { Effect: 'Allow', Action: 's3:ListBucket', Resource: 'arn:aws:s3:::open' },
  ]);
  await makeRole(account, 'toy-machine', 'states.amazonaws.com', [{ Effect: 'Allow', Action: '*', Resource: '*' }]);
  const ecs = new ECSClient(account.clientConfig);
  await ecs.send(new CreateClusterCommand({ clusterName: CLUSTER }));
  await new CloudWatchLogsClient(account.clientConfig).send(new CreateLogGroupCommand({ logGroupName: LOG_GROUP }));
  await ecs.send(
    new RegisterTaskDefinitionCommand({
      family: 'toy',
      networkMode: 'awsvpc',
      requiresCompatibilities: ['FARGATE'],
      cpu: '256',
      memory: '512',
      taskRoleArn: role,
      executionRoleArn: role,
      containerDefinitions: [
        {
          name: 'main',
          image: 'toy:1',
          essential: true,
          stopTimeout,
          environment: [{ name: 'TOY', value: 'exit 0' }],
          logConfiguration: {
            logDriver: 'awslogs',
            options: { 'awslogs-group': LOG_GROUP, 'awslogs-region': account.region, 'awslogs-stream-prefix': 'toy' },
          },
        },
      ],
    }),
  );
}

/** A Task state that runs the toy task to its end and tells it what to do. */
export function runToy(deed: string, more: object = {}): object {
  return {
    Type: 'Task',
    Resource: 'arn:aws:states:::ecs:runTask.sync',
    Parameters: {
      Cluster: CLUSTER,
      LaunchType: 'FARGATE',
      TaskDefinition: 'toy',
      Overrides: { ContainerOverrides: [{ Name: 'main', Environment: [{ Name: 'TOY', Value: deed }] }] },
    },
    End: true,
    ...more,
  };
}

let machines = 0;

/** A state machine of these states, begun at the first. Returns its ARN. */
export async function makeMachine(
  account: Account,
  states: Record<string, object>,
  more: object = {},
): Promise<string> {
  const sfn = new SFNClient(account.clientConfig);
  const { stateMachineArn } = await sfn.send(
    new CreateStateMachineCommand({
      name: `toy-${++machines}`,
      roleArn: `arn:aws:iam::${account.accountId}:role/toy-machine`,
      definition: JSON.stringify({ StartAt: Object.keys(states)[0], States: states, ...more }),
    }),
  );
  return stateMachineArn ?? '';
}

/** Starts an execution. Returns its ARN. */
export async function begin(account: Account, machine: string, input: object = {}): Promise<string> {
  const { executionArn } = await new SFNClient(account.clientConfig).send(
    new StartExecutionCommand({ stateMachineArn: machine, input: JSON.stringify(input) }),
  );
  return executionArn ?? '';
}

/** Waits until an execution has ended. */
export function outcome(account: Account, execution: string, seconds = 30): Promise<DescribeExecutionCommandOutput> {
  const sfn = new SFNClient(account.clientConfig);
  return until(
    async () => {
      const told = await sfn.send(new DescribeExecutionCommand({ executionArn: execution }));
      return told.status === 'RUNNING' ? undefined : told;
    },
    'the execution to end',
    seconds,
  );
}

/** Every line in the log group whose stream's name contains `part`. */
export async function logLines(account: Account, part: string): Promise<string[]> {
  const logs = new CloudWatchLogsClient(account.clientConfig);
  const { logStreams = [] } = await logs.send(new DescribeLogStreamsCommand({ logGroupName: LOG_GROUP }));
  const lines: string[] = [];
  for (const { logStreamName } of logStreams.filter((stream) => stream.logStreamName?.includes(part))) {
    const { events = [] } = await logs.send(
      new GetLogEventsCommand({ logGroupName: LOG_GROUP, logStreamName, startFromHead: true }),
    );
    lines.push(...events.map((event) => event.message ?? ''));
  }
  return lines;
}
