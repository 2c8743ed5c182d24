/** Shows how far something is. A meter is told everything and decides what a person sees of it. */
import { bytes, duration } from './format.ts';

export interface Step {
  /** Such as `backup shop`. */
  readonly label: string;
  readonly phase: string;
  readonly bytes: number;
  readonly totalBytes?: number | undefined;
  /** Since the beginning. */
  readonly seconds: number;
}

export interface Meter {
  show(step: Step): void;
  /** Takes a live display off the screen. */
  stop(): void;
}

/** Without a change of phase a plain line comes this often, in seconds. */
const LINE_EVERY = 30;

/** A line when the phase changes, and every half minute. */
export function lineMeter(say: (line: string) => void): Meter {
  let phase = '';
  let last = 0;
  return {
    show(step) {
      if (step.phase === phase && step.seconds - last < LINE_EVERY) return;
      phase = step.phase;
      last = step.seconds;
      say([step.label, step.phase, amount(step), duration(step.seconds)].filter((part) => part !== '').join('  '));
    },
    stop: () => undefined,
  };
}

/** `1.2 GiB of 3.0 GiB, 41 %`; empty before the first byte. */
export function amount(step: Pick<Step, 'bytes' | 'totalBytes'>): string {
  if (step.totalBytes === undefined || step.totalBytes === 0) return step.bytes === 0 ? '' : bytes(step.bytes);
  // What is expected is an estimate, so more may come.
  const percent = Math.min(100, Math.floor((step.bytes / step.totalBytes) * 100));
  return `${bytes(step.bytes)} of ${bytes(step.totalBytes)}, ${percent} %`;
}
