/** The same mishap in MariaDB and in a SQLite file; and a till that was damaged before, which the mail has to tell. */
import { ERRORS } from '../core/errors.ts';
import type { Mail } from './client.ts';
import { countsOf, differences, type Counts, type Hashes } from './compare.ts';
import { reviewHashes, REVIEWS, spoilReviews, type MariadbFacts } from './mariadb-sample.ts';
import type { CommandAnswer } from './nightjar-command.ts';
import { spoilTill, tillHashes } from './sqlite-sample.ts';

/** Targets of the sample's config. */
export const TILL = 'till';
export const DAMAGED_TILL = 'till-old';

interface RestoreAnswer extends CommandAnswer {
  readonly restore: { readonly status: string } | null;
  readonly serves: string;
}

/** Of one database: rows before, spoiled and after, and the restore's record. */
export interface EngineTold {
  readonly rows: Readonly<Record<'before' | 'spoiled' | 'after', Counts>>;
  readonly restore: unknown;
}
export interface EnginesTold {
  readonly reviews: EngineTold;
  readonly till: EngineTold;
  /** What did not hold. */
  readonly problems: string[];
}

export interface EngineParts {
  readonly mariadb: MariadbFacts;
  /** Path of the till that is well. */
  readonly till: string;
  readonly command: <A extends CommandAnswer>(...args: string[]) => Promise<A>;
  readonly step: <T>(key: string, title: string, work: () => Promise<[T, string]>) => Promise<T>;
}

/** What the run's mail should say of the damaged till and does not; and no more than that may have failed. */
export function untold(mail: Mail | undefined, backups: readonly { target: string; status: string }[]): string[] {
  const problems = backups
    .filter((one) => (one.status === 'COMPLETED') === (one.target === DAMAGED_TILL))
    .map((one) => `the backup of ${one.target} is ${one.status}`);
  const { message, hint } = ERRORS.DATABASE_DAMAGED;
  const lines = (mail?.text ?? '').split('\n');
  if (!lines.some((line) => line.includes(`${DAMAGED_TILL}: ${message}`)))
    problems.push(`the mail does not name ${DAMAGED_TILL}, whose database is damaged`);
  if (!lines.some((line) => line.includes(hint)))
    problems.push(`the mail does not say what to do about ${DAMAGED_TILL}`);
  if (!/\b1 of \d+ backups FAILED/.test(mail?.subject ?? ''))
    problems.push(`the mail’s subject does not tell that one backup failed: ${mail?.subject}`);
  return problems;
}

export async function playEngineStory({ mariadb, till, command, step }: EngineParts): Promise<EnginesTold> {
  const places = [
    { target: REVIEWS, read: () => reviewHashes(mariadb), spoil: () => spoilReviews(mariadb) },
    { target: TILL, read: () => tillHashes(till), spoil: () => spoilTill(till) },
  ] as const;
  const readAll = async (): Promise<Hashes[]> => Promise.all(places.map((one) => one.read()));
  const rowsOf = (some: readonly Hashes[]): number => some.reduce((sum, one) => sum + countsOf(one).rows, 0);

  const before = await readAll();
  const spoiled = await step('spoilOthers', 'spoiling the MariaDB and the SQLite file', async () => {
    for (const one of places) await one.spoil();
    const now = await readAll();
    const lost = places.map((_, index) => differences(before[index]!, now[index]!).length);
    if (lost.includes(0)) throw new Error('the damage changed nothing');
    return [now, `spoiled ${REVIEWS} (MariaDB) and ${TILL} (SQLite): ${rowsOf(before)} → ${rowsOf(now)} rows`];
  });
  const restores = await step(
    'restoreOthers',
    `nightjar restore ${REVIEWS} --swap, and ${TILL} beside it`,
    async () => {
      const answers = await Promise.all(places.map((one) => command<RestoreAnswer>('restore', one.target, '--swap')));
      return [answers, answers.map(({ serves }, index) => `${places[index]!.target}: ${serves}`).join('; ')];
    },
  );
  const after = await readAll();
  const told = (index: number): EngineTold => ({
    rows: { before: countsOf(before[index]!), spoiled: countsOf(spoiled[index]!), after: countsOf(after[index]!) },
    restore: restores[index]?.restore,
  });
  return {
    reviews: told(0),
    till: told(1),
    problems: places.flatMap(({ target }, index) => [
      ...differences(before[index]!, after[index]!).map((one) => `${target}: ${one}`),
      ...(restores[index]?.restore?.status === 'COMPLETED'
        ? []
        : [`the restore of ${target} is ${restores[index]?.restore?.status ?? 'not in the catalog'}`]),
    ]),
  };
}
