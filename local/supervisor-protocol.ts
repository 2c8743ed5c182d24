/** What a supervisor and its starter say to each other over the IPC channel, and what it leaves in its directory. */
import type { OnPhase, StageOptions } from './stage.ts';
import type { StageFacts } from './stage-facts.ts';

export type ToSupervisor = { do: 'start'; options: StageOptions } | { do: 'keep' };
export type FromSupervisor =
  | { phase: Parameters<OnPhase>[0]; event: Parameters<OnPhase>[1]; text: string }
  | { ready: StageFacts }
  | { failed: string };

/** What a supervisor leaves in its directory for whoever looks for it. */
export interface SupervisorState {
  pid: number;
  facts: StageFacts;
}

export const STATE_FILE = 'state.json';
