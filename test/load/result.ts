/** From what two tasks cost to a line for people, and to whether the promise of little memory is kept. */
import type { Cost } from '../../bench/measure.ts';

export interface Loaded {
  readonly engine: string;
  /** Server and version. */
  readonly title: string;
  readonly bytes: number;
  readonly storedBytes: number;
  readonly backup: Cost;
  readonly restore: Cost;
}

const MIB = 1024 * 1024;
const mib = (kib: number): string => (kib / 1024).toFixed(0);

export const HEADINGS = [
  '| engine | data MiB | stored MiB | backup s | Node MiB | tree MiB | restore s | Node MiB | tree MiB |',
  '| ------ | -------- | ---------- | -------- | -------- | -------- | --------- | -------- | -------- |',
];
const half = (cost: Cost): string =>
  `${cost.seconds.toFixed(0)} (CPU ${cost.cpuSeconds.toFixed(0)}) | ${mib(cost.ownKib)} | ${mib(cost.treeKib)}`;
export const lineOf = ({ title, bytes, storedBytes, backup, restore }: Loaded): string =>
  `| ${title} | ${(bytes / MIB).toFixed(0)} | ${(storedBytes / MIB).toFixed(0)} | ${half(backup)} | ${half(restore)} |`;

/** What is above the limit, in words; empty when all is well. The whole tree is judged: all that a task has is one limit. */
export function tooMuch({ engine, backup, restore }: Loaded, limitMiB: number): string[] {
  return Object.entries<Cost>({ backup, restore })
    .filter(([, { treeKib }]) => treeKib > limitMiB * 1024)
    .map(
      ([what, { treeKib }]) => `${engine}: the ${what} took ${mib(treeKib)} MiB of memory, and may take ${limitMiB}`,
    );
}
