/** What ecs:runTask needs for a target: the job, where it runs, how large. */
import { mountOf, type Config, type Placement, type Target, type TaskSize } from '../../core/config.ts';
import { NightjarError } from '../../core/errors.ts';
import { taskKindOf, writeJob, type Job } from '../../core/job.ts';
import { taskFamily } from '../../core/names.ts';
import { taskSizeOf } from '../../core/task-size.ts';
import type { TaskRequest } from '../../core/payloads.ts';

/** The target's own place, else the config's, else the one that the stack made. */
function placementOf(config: Config, target: Target, made: Placement | undefined): Placement {
  if (target.network) return target.network;
  if (!('create' in config.network)) return config.network;
  if (made) return made;
  throw new NightjarError('UNEXPECTED', {
    operation: 'place task',
    detail: 'The config asks for a network of its own, and the stack names none.',
  });
}

/** @throws NightjarError INPUT_INVALID when the job does not fit into ECS's overrides. */
export function taskRequestOf(
  config: Config,
  target: Target,
  job: Job,
  made: Placement | undefined,
  size: TaskSize = taskSizeOf(target),
): TaskRequest {
  const place = placementOf(config, target, made);
  return {
    family: taskFamily(config.name, taskKindOf(job.kind), mountOf(target)?.accessPoint),
    job: writeJob(job),
    subnetIds: place.subnetIds,
    securityGroupIds: place.securityGroupIds,
    assignPublicIp: place.assignPublicIp ? 'ENABLED' : 'DISABLED',
    cpu: String(size.cpu),
    memory: String(size.memoryMiB),
    ephemeralGiB: size.ephemeralGiB,
  };
}
