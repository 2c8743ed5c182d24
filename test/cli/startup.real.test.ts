/** The calls of `nightjar startup` as an emulator of ECS takes them. */
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeServicesCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
} from '@aws-sdk/client-ecs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startAccount, type Account } from '../../local/account.ts';
import { containerCalls } from '../../cli/startup/calls.ts';

let account: Account;
let ecs: ECSClient;
beforeAll(async () => {
  account = await startAccount();
  ecs = new ECSClient(account.clientConfig);
});
afterAll(async () => {
  ecs.destroy();
  await account.stop();
});

it('a service gets a new revision that keeps all that the old one said, and its settings are read', async () => {
  const cluster = 'ducks';
  await ecs.send(new CreateClusterCommand({ clusterName: cluster }));
  const { taskDefinition } = await ecs.send(
    new RegisterTaskDefinitionCommand({
      family: 'myduck',
      cpu: '256',
      memory: '512',
      networkMode: 'awsvpc',
      containerDefinitions: [{ name: 'myduck', image: 'apecloud/myduckserver', memory: 512 }],
    }),
  );
  await ecs.send(
    new CreateServiceCommand({
      cluster,
      serviceName: 'myduck',
      taskDefinition: taskDefinition!.taskDefinitionArn!,
      desiredCount: 0,
      deploymentConfiguration: { maximumPercent: 100, minimumHealthyPercent: 0 },
    }),
  );
  const calls = containerCalls(ecs);
  expect(await calls.service(cluster, 'nobody')).toBeUndefined();
  const found = await calls.service(cluster, 'myduck');
  expect(found).toEqual({ taskDefinition: taskDefinition!.taskDefinitionArn, maximumPercent: 100 });
  const { definition } = await calls.definition(found!.taskDefinition);
  const after = await calls.register({
    family: definition.family!,
    cpu: definition.cpu!,
    memory: definition.memory!,
    networkMode: definition.networkMode!,
    containerDefinitions: definition.containerDefinitions!.map((one) => ({
      ...one,
      environment: [{ name: 'RESTORE_FILE', value: 's3://shop-exchange/nightjar/start.db' }],
      secrets: [{ name: 'RESTORE_ACCESS_KEY_ID', valueFrom: 'arn:secret:accessKeyId::' }],
    })),
  });
  await calls.update(cluster, 'myduck', after);
  const { services } = await ecs.send(new DescribeServicesCommand({ cluster, services: ['myduck'] }));
  expect(services![0]!.taskDefinition).toBe(after);
  const again = (await calls.definition(after)).definition.containerDefinitions![0]!;
  expect(again).toMatchObject({
    name: 'myduck',
    image: 'apecloud/myduckserver',
    environment: [{ name: 'RESTORE_FILE', value: 's3://shop-exchange/nightjar/start.db' }],
    secrets: [{ name: 'RESTORE_ACCESS_KEY_ID', valueFrom: 'arn:secret:accessKeyId::' }],
  });
});
