/** The live display for a person at a terminal. */
import type { WriteStream } from 'node:tty';
import progress from 'cli-progress';
import { duration } from './format.ts';
import { amount, type Meter, type Step } from './meter.ts';

const BAR_WIDTH = 24;

export function barMeter(stream: WriteStream): Meter {
  let shown: Step | undefined;
  const bar = new progress.SingleBar({
    stream,
    format: () => (shown === undefined ? '' : barLine(shown)),
    // A full screen line and the terminal's own Ctrl-C handling.
    linewrap: false,
    hideCursor: true,
    gracefulExit: false,
    clearOnComplete: true,
    fps: 5,
  });
  let started = false;
  return {
    show(step) {
      shown = step;
      if (!started) bar.start(1, 0);
      started = true;
      bar.update(0);
    },
    stop() {
      if (started) bar.stop();
      started = false;
    },
  };
}

/** `backup shop  dumping  ██████░░░░  1.2 GiB of 3.0 GiB, 41 %  2 min 10 s`. */
export function barLine(step: Step): string {
  const share = step.totalBytes ? Math.min(1, step.bytes / step.totalBytes) : undefined;
  const full = Math.round((share ?? 0) * BAR_WIDTH);
  const drawn = share === undefined ? '' : '█'.repeat(full) + '░'.repeat(BAR_WIDTH - full);
  return [step.label, step.phase, drawn, amount(step), duration(step.seconds)].filter((part) => part !== '').join('  ');
}
