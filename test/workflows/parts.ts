import type { WorkflowParts } from '../../lib/workflows/states.ts';

/** What a definition names, with invented ARNs. */
export const PARTS: WorkflowParts = {
  partition: 'aws',
  limits: { backupHours: 24, restoreHours: 48, nativeStepHours: 24, approvalHours: 24, setHours: 72, idleMinutes: 30 },
  concurrency: 10,
  natives: { servers: true, tables: true },
  functionArn: (name) => `arn:aws:lambda:eu-west-1:123456789012:function:nightjar-${name}`,
  machineArn: (machine) => `arn:aws:states:eu-west-1:123456789012:stateMachine:nightjar-${machine}`,
  clusterArn: () => 'arn:aws:ecs:eu-west-1:123456789012:cluster/nightjar',
  startsTask: () => undefined,
};
