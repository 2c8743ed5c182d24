/** Stops a Fargate task whose execution is over. */
import { StopTaskCommand, type ECSClient } from '@aws-sdk/client-ecs';
import { NightjarError } from '../../core/errors.ts';

export interface Tasks {
  /** Well done also when it is gone already. `reason`: at most 255 characters, shown as the task's stopped reason. */
  stop(taskArn: string, reason: string): Promise<void>;
}

/** `arn:aws:ecs:<region>:<account>:task/<cluster>/<id>`. */
export function clusterOf(taskArn: string): string {
  const cluster = /:task\/([^/]+)\/[^/]+$/.exec(taskArn)?.[1];
  if (cluster) return cluster;
  throw new NightjarError('UNEXPECTED', { operation: 'stop task', detail: `${taskArn} names no cluster.` });
}

export const awsTasks = (client: ECSClient): Tasks => ({
  async stop(taskArn, reason) {
    try {
      await client.send(
        new StopTaskCommand({ cluster: clusterOf(taskArn), task: taskArn, reason: reason.slice(0, 255) }),
      );
    } catch (error) {
      // ECS forgets a task about an hour after it stopped.
      if (error instanceof Error && error.name === 'InvalidParameterException' && /not found/i.test(error.message))
        return;
      // A cluster that is gone runs no task; a target must not stay locked for it.
      if (error instanceof Error && error.name === 'ClusterNotFoundException') return;
      throw error;
    }
  },
});
