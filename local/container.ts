/** One container: a process of this machine with what ECS said of it. */
import type { TaskProcess } from './task-process.ts';

/** One container ECS has asked for, also after it has ended. */
export interface TaskContainer {
  id: string;
  taskArn: string;
  /** `family:revision` of the task definition. */
  definition: string;
  /** The container's name in the task definition. */
  name: string;
  image: string;
  status: 'created' | 'running' | 'exited';
  /** Only while it runs. */
  pid?: number;
  /** Only once it has ended. */
  exitCode?: number;
  env: Readonly<Record<string, string>>;
  /** Both streams, as far as they are kept (4 MiB). */
  output: string;
}

export interface Container {
  id: string;
  name: string;
  image: string;
  labels: Record<string, string>;
  given: Record<string, string>;
  env: Record<string, string>;
  command: string[];
  created: string;
  process: TaskProcess;
  removed: boolean;
}

/** What ECS's agent and the emulator write on every container. */
export const LABEL = {
  task: 'com.amazonaws.ecs.task-arn',
  container: 'com.amazonaws.ecs.container-name',
  family: 'com.amazonaws.ecs.task-definition-family',
  revision: 'com.amazonaws.ecs.task-definition-version',
  role: 'nightjar.task-role',
  mounts: 'nightjar.mounts',
} as const;

export function statusOf({ process }: Container): TaskContainer['status'] {
  if (process.exitCode !== undefined) return 'exited';
  return process.startedAt === undefined ? 'created' : 'running';
}
