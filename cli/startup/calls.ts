/** The calls to ECS behind `nightjar startup`. The answers are ECS's own shapes: a revision must lose nothing of the one before. */
import {
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  UpdateServiceCommand,
  type RegisterTaskDefinitionCommandInput,
  type Tag,
  type TaskDefinition,
} from '@aws-sdk/client-ecs';
import { CLIENT_OPTIONS } from '../../stores/clients.ts';

export interface ServiceFacts {
  readonly taskDefinition: string;
  /** Percent of the wanted tasks that may run while a new revision replaces the old one. */
  readonly maximumPercent: number;
}

export interface ContainerCalls {
  /** Undefined when there is none that is active. */
  service(cluster: string, service: string): Promise<ServiceFacts | undefined>;
  definition(arn: string): Promise<{ definition: TaskDefinition; tags: Tag[] }>;
  /** Resolves with the new revision's ARN. */
  register(input: RegisterTaskDefinitionCommandInput): Promise<string>;
  update(cluster: string, service: string, taskDefinition: string): Promise<void>;
}

/** Source: ECS API reference, DeploymentConfiguration: 200 where nothing was said. */
const DEFAULT_MAXIMUM = 200;

export function containerCalls(ecs = new ECSClient({ ...CLIENT_OPTIONS })): ContainerCalls {
  return {
    async service(cluster, service) {
      const { services = [] } = await ecs.send(new DescribeServicesCommand({ cluster, services: [service] }));
      const found = services.find((one) => one.status === 'ACTIVE');
      if (!found?.taskDefinition) return undefined;
      const maximumPercent = found.deploymentConfiguration?.maximumPercent ?? DEFAULT_MAXIMUM;
      return { taskDefinition: found.taskDefinition, maximumPercent };
    },
    async definition(taskDefinition) {
      const answer = await ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition, include: ['TAGS'] }));
      return { definition: answer.taskDefinition!, tags: answer.tags ?? [] };
    },
    async register(input) {
      const { taskDefinition } = await ecs.send(new RegisterTaskDefinitionCommand(input));
      return taskDefinition!.taskDefinitionArn!;
    },
    async update(cluster, service, taskDefinition) {
      await ecs.send(new UpdateServiceCommand({ cluster, service, taskDefinition }));
    },
  };
}
