/** EFS in the pretend account: a task sees the file systems that its definition mounts, and no other. */
import { CloudFormationClient, CreateStackCommand, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { DescribeTaskDefinitionCommand, ECSClient } from '@aws-sdk/client-ecs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fileSystemsOf, startAccount, type Account } from '../../local/account.ts';
import { begin, makeMachine, makeToyTask, outcome, runToy, TOY_TASK, until } from './toy.ts';

const FILE_SYSTEM = 'fs-0123456789abcdef0';
const [TILLS, OTHERS, NOBODYS] = [
  'fsap-0123456789abcdef0',
  'fsap-0123456789abcdef1',
  'fsap-0123456789abcdef2',
] as const;
let account: Account;

/** As CloudFormation spells it, which is not how the API does. */
const definition = (family: string, AccessPointId: string): object => ({
  Type: 'AWS::ECS::TaskDefinition',
  Properties: {
    Family: family,
    NetworkMode: 'awsvpc',
    RequiresCompatibilities: ['FARGATE'],
    Cpu: '256',
    Memory: '512',
    TaskRoleArn: `arn:aws:iam::${account.accountId}:role/toy-task`,
    Volumes: [
      { Name: 'scratch' },
      {
        Name: FILE_SYSTEM,
        EFSVolumeConfiguration: {
          FilesystemId: FILE_SYSTEM,
          TransitEncryption: 'ENABLED',
          AuthorizationConfig: { AccessPointId, IAM: 'ENABLED' },
        },
      },
    ],
    ContainerDefinitions: [
      {
        Name: 'main',
        Image: 'toy:1',
        Essential: true,
        MountPoints: [
          { SourceVolume: 'scratch', ContainerPath: '/scratch', ReadOnly: false },
          { SourceVolume: FILE_SYSTEM, ContainerPath: `/mnt/nightjar/${FILE_SYSTEM}`, ReadOnly: false },
        ],
      },
    ],
  },
});

beforeAll(async () => {
  account = await startAccount({ bundle: TOY_TASK });
  await makeToyTask(account, 2);
  for (const accessPoint of [TILLS, OTHERS]) {
    await mkdir(join(fileSystemsOf(account.dir), accessPoint), { recursive: true });
    await writeFile(join(fileSystemsOf(account.dir), accessPoint, 'name'), accessPoint);
  }
  const cloudFormation = new CloudFormationClient(account.clientConfig);
  await cloudFormation.send(
    new CreateStackCommand({
      StackName: 'mounts',
      TemplateBody: JSON.stringify({
        Resources: {
          Tills: definition('tills', TILLS),
          Others: definition('others', OTHERS),
          Nobodys: definition('nobodys', NOBODYS),
        },
      }),
    }),
  );
  await until(async () => {
    const { Stacks = [] } = await cloudFormation.send(new DescribeStacksCommand({ StackName: 'mounts' }));
    return Stacks[0]?.StackStatus === 'CREATE_COMPLETE' ? true : undefined;
  }, 'the stack');
}, 60_000);
afterAll(() => account?.stop(), 30_000);

async function run(family: string, deed: string) {
  const state = runToy(deed) as { Parameters: object };
  const task = { ...state, Parameters: { ...state.Parameters, TaskDefinition: family } };
  const told = await outcome(account, await begin(account, await makeMachine(account, { Run: task })));
  return { told, task: account.containers.list().at(-1)! };
}

test('a task reads what lies behind its own access point', async () => {
  for (const [family, accessPoint] of [
    ['tills', TILLS],
    ['others', OTHERS],
  ] as const)
    expect((await run(family, `read ${FILE_SYSTEM}/name`)).task.output.trim()).toBe(accessPoint);
});

test('a task whose definition mounts nothing sees no file system', async () => {
  const { task } = await run('toy', `read ${FILE_SYSTEM}/name`);
  expect(task.output.trim()).toBe('ENOENT');
  expect(task.env).not.toHaveProperty('NIGHTJAR_MOUNTS');
});

test('a task whose access point is not there never runs, and its state fails', async () => {
  const { told, task } = await run('nobodys', 'exit 0');
  expect(told.status).toBe('FAILED');
  expect(task.output).toBe('');
});

test('ECS tells the volumes in its own words, whatever CloudFormation called them', async () => {
  const { taskDefinition } = await new ECSClient(account.clientConfig).send(
    new DescribeTaskDefinitionCommand({ taskDefinition: 'tills' }),
  );
  expect(taskDefinition?.volumes?.[1]).toMatchObject({
    name: FILE_SYSTEM,
    efsVolumeConfiguration: {
      fileSystemId: FILE_SYSTEM,
      authorizationConfig: { accessPointId: TILLS, iam: 'ENABLED' },
    },
  });
});
