/** Whether the oplog in an archive brings every database of it to one moment when a restore plays it. */
import { chainedOf, momentOf, operationsOf, type Operation } from './oplog.ts';
import { SERVERS_OWN } from './names.ts';

/** Commands that mongorestore 100.9 plays, or rightly leaves out. Source: mongo-tools, mongorestore/oplog.go, knownCommands. */
const PLAYED: ReadonlySet<string> = new Set([
  ...['create', 'drop', 'collMod'],
  ...['createIndexes', 'startIndexBuild', 'commitIndexBuild', 'abortIndexBuild'],
  ...['deleteIndex', 'deleteIndexes', 'dropIndex', 'dropIndexes'],
]);

export class OplogJudge {
  /** How many things were done in each database: what a restore of it has to play. */
  readonly done = new Map<string, number>();
  /** What can not be played, in words for a person. */
  readonly problems = new Set<string>();
  /** When the last of it was written, by the server's clock. */
  last: Date | undefined;
  /** Operations of transactions whose end has not come. */
  readonly #open = new Map<string, number>();

  add(entry: Buffer): void {
    this.last = momentOf(entry) ?? this.last;
    const operations = operationsOf(entry);
    this.#chain(entry, operations.length);
    for (const one of operations) {
      if (SERVERS_OWN.includes(one.db)) continue;
      this.done.set(one.db, (this.done.get(one.db) ?? 0) + 1);
      const problem = problemOf(one);
      if (problem) this.problems.add(problem);
    }
  }

  #chain(entry: Buffer, operations: number): void {
    const chained = chainedOf(entry);
    if (!chained) return;
    const seen = (this.#open.get(chained.transaction) ?? 0) + operations;
    if (chained.isPrepared) this.problems.add('a transaction over several shards');
    if (chained.isPartial) this.#open.set(chained.transaction, seen);
    else this.#open.delete(chained.transaction);
    if (chained.count !== undefined && chained.count !== seen)
      this.problems.add('a transaction whose beginning is not in it');
  }
}

function problemOf({ op, db, collection, command, told }: Operation): string | undefined {
  const view = `a view was made, changed or dropped in ${db}`;
  if (op === 'c') {
    if (told?.includes('viewOn')) return view;
    if (told?.includes('timeseries')) return `the time series ${db}.${collection} was made`;
    // Its views go without a word in the oplog.
    if (command === 'dropDatabase') return `the database ${db} was dropped`;
    return PLAYED.has(command ?? '') ? undefined : `a command ${command ?? ''} in ${db}`;
  }
  if (!['i', 'u', 'd'].includes(op)) return `entries of the kind ${op}`;
  if (collection === 'system.views') return view;
  if (collection.startsWith('system.buckets.'))
    return `the time series ${db}.${collection.slice('system.buckets.'.length)} was written to`;
  return undefined;
}
