/** From the costs of all rounds to ratios and a table. */
import type { Cost } from './measure.ts';

export interface Run {
  readonly cost: Cost;
  /** What lies in the vault for it. */
  readonly storedBytes: number;
}

/** One way of doing it, once per round. */
export interface Contender {
  readonly label: string;
  readonly runs: readonly Run[];
}

export interface Case {
  /** Engine and direction. */
  readonly name: string;
  readonly rival: string;
  /** The rival's wall time over ours: the median of the rounds' ratios. */
  readonly wallRatio: number;
  /** The rival's CPU seconds over ours, the same way. */
  readonly cpuRatio: number;
  /** The rival's stored bytes over ours. */
  readonly storedRatio: number;
  /** Peak resident memory of our own process, in MiB: the highest of all rounds. */
  readonly peakMiB: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));

/** Rounds are paired, because a machine's mood changes between them. */
function ratio(rival: Contender, ours: Contender, of: (run: Run) => number): number {
  return round(median(rival.runs.map((run, index) => of(run) / of(ours.runs[index]!))), 2);
}

export const compare = (name: string, rival: Contender, ours: Contender): Case => ({
  name,
  rival: rival.label,
  wallRatio: ratio(rival, ours, ({ cost }) => cost.seconds),
  cpuRatio: ratio(rival, ours, ({ cost }) => cost.cpuSeconds),
  storedRatio: round(median(rival.runs.map((run, index) => run.storedBytes / ours.runs[index]!.storedBytes)), 3),
  peakMiB: round(Math.max(...ours.runs.map(({ cost }) => cost.ownKib)) / 1024, 0),
});

const MIB = 1024 * 1024;

/** Medians of all rounds, as a table of Markdown. */
export function tableOf(title: string, contenders: readonly Contender[]): string {
  const row = ({ label, runs }: Contender): string => {
    const of = (value: (run: Run) => number, digits: number): string => median(runs.map(value)).toFixed(digits);
    const seconds = runs.map(({ cost }) => cost.seconds);
    const spread = `${Math.min(...seconds).toFixed(1)}–${Math.max(...seconds).toFixed(1)}`;
    const peak = of(({ cost }) => Math.max(...Object.values(cost.peaksKib)) / 1024, 0);
    const sum = of(({ cost }) => cost.sumKib / 1024, 0);
    const name = label.replaceAll('|', '\\|');
    return `| ${name} | ${of(({ cost }) => cost.seconds, 1)} (${spread}) | ${of(({ cost }) => cost.cpuSeconds, 1)} | ${peak} | ${sum} | ${of((run) => run.storedBytes / MIB, 1)} |`;
  };
  return [
    `| ${title} | wall s (range) | CPU s | largest process MiB | all processes MiB | stored MiB |`,
    '|---|---|---|---|---|---|',
    ...contenders.map(row),
  ].join('\n');
}

export function ratioTable(cases: readonly Case[]): string {
  return [
    '| case | against | wall | CPU | stored | our process, peak MiB |',
    '|---|---|---|---|---|---|',
    ...cases.map(
      (one) =>
        `| ${one.name} | ${one.rival.replaceAll('|', '\\|')} | ${one.wallRatio}× | ${one.cpuRatio}× | ${one.storedRatio}× | ${one.peakMiB} |`,
    ),
  ].join('\n');
}
