import { ask, catchAll, invoke, look, when, type States, type WorkflowParts } from './states.ts';

/** The stop before the outage: asked for by `approve`, answered by `nightjar approve ID` or `nightjar cancel ID`. */
export const approval = (
  parts: WorkflowParts,
  options: { readonly as: string; readonly ask: string; readonly next: string },
): States => ({
  [options.as]: when('$.opened.approve', options.ask, options.next),
  [options.ask]: ask(parts, 'AskApproval', {
    refused: [
      // Somebody said no, or nobody answered: only then what took hours to restore is removed.
      { ErrorEquals: ['APPROVAL_DENIED', 'States.Timeout'], ResultPath: '$.failure', Next: 'RemoveCancelled' },
      ...catchAll('FailRestore'),
    ],
    next: options.next,
  }),
});

/** Where every native restore ends. */
export const endsOfNative = (parts: WorkflowParts): States => ({
  // What the application reads, in mode `pointer`.
  SwitchPointer: invoke(parts, 'SwitchPointer', { resultPath: null, next: 'CloseNative', fail: 'FailRestore' }),
  CloseNative: invoke(parts, 'CloseNative', {
    resultPath: '$.closed',
    outputPath: '$.closed',
    next: 'Done',
    fail: 'FailRestore',
  }),
  // Cancelled before anything was changed: what was made is taken away again.
  ...look(parts, 'RemoveAlias', {
    as: 'RemoveCancelled',
    next: 'FailRestore',
    fail: 'FailRestore',
    failurePath: '$.cleanupFailure',
  }),
});
