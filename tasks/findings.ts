/** What probes say, in the same words whatever the engine. */
import type { Finding } from '../core/job.ts';

export const ok = (what: string): Finding => ({ level: 'ok', what });
export const warn = (what: string, hint: string): Finding => ({ level: 'warn', what, hint });
export const bad = (what: string, hint: string): Finding => ({ level: 'bad', what, hint });

/** A clock that is further off makes "the data of 02:30" a lie. */
const CLOCK_SECONDS = 60;

/** Both in milliseconds since the epoch; `task` is of the same moment as the server's answer. */
export function clockFinding(server: number, task: number): Finding {
  const seconds = Math.round(Math.abs(server - task) / 1_000);
  return seconds > CLOCK_SECONDS
    ? warn(`The server’s clock is ${seconds} s off the task’s.`, 'Restores to a moment in time go by the task’s clock.')
    : ok('The server’s clock agrees with the task’s.');
}
