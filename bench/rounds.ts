/** Contenders take turns, so that a machine's mood is nobody's advantage. */
import type { Contender, Run } from './result.ts';

export interface RoundOptions {
  readonly rounds: number;
  readonly say: (text: string) => void;
}

export interface Turn {
  readonly label: string;
  readonly run: () => Promise<Run>;
}

/** Each turn once per round, another one first each time; before each of them `settle` is awaited: no contender pays for another's writes. */
export async function takeTurns(
  settle: () => Promise<unknown>,
  turns: readonly Turn[],
  { rounds, say }: RoundOptions,
): Promise<Contender[]> {
  const runs = turns.map((): Run[] => []);
  for (let round = 0; round < rounds; round += 1)
    for (let step = 0; step < turns.length; step += 1) {
      const index = (round + step) % turns.length;
      const { label, run } = turns[index]!;
      await settle();
      const done = await run();
      runs[index]!.push(done);
      const { seconds, cpuSeconds, ownKib, peaksKib } = done.cost;
      const peaks = Object.entries(peaksKib).map(([name, kib]) => `${name} ${Math.round(kib / 1024)}`);
      say(
        `round ${round + 1}: ${label}: ${seconds.toFixed(1)} s, CPU ${cpuSeconds.toFixed(1)} s, own ${Math.round(ownKib / 1024)} MiB (${peaks.join(', ')}), stored ${(done.storedBytes / 2 ** 20).toFixed(1)} MiB`,
      );
    }
  return turns.map(({ label }, index) => ({ label, runs: runs[index]! }));
}
