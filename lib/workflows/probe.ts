import {
  begin,
  failedAsCaught,
  HOUR,
  invoke,
  judgeTask,
  runTask,
  succeed,
  type Definition,
  type WorkflowParts,
} from './states.ts';

/** Looks at a target from where its tasks run. */
export const probeDefinition = (parts: WorkflowParts): Definition => {
  // What opens encrypted backups only a restore's task may read.
  parts.startsTask('restore');
  return {
    Comment: 'Probes one target from its own network',
    StartAt: 'Begin',
    TimeoutSeconds: 2 * HOUR,
    States: {
      Begin: begin('OpenProbe'),
      OpenProbe: invoke(parts, 'OpenProbe', { resultPath: '$.opened', next: 'RunProbe', fail: 'ProbeBroken' }),
      RunProbe: runTask(parts, { task: 'dump', timeoutSeconds: HOUR / 2, next: 'Probed', fail: 'JudgeTask' }),
      Probed: { Type: 'Pass', Parameters: { 'id.$': '$.opened.id' }, Next: 'Done' },
      Done: succeed,
      JudgeTask: judgeTask(parts, { next: 'ProbeFailed', fail: 'ProbeBroken' }),
      ProbeFailed: { Type: 'Fail', ErrorPath: '$.judgement.code', CausePath: '$.failure.Cause' },
      ProbeBroken: failedAsCaught,
    },
  };
};
