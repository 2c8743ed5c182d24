/** A database server that is a list of names, and tasks that work on it as the engines' contract says. */
import { NightjarError } from '../../core/errors.ts';
import type { DropJob, Job, RestoreJob, RollbackJob } from '../../core/job.ts';
import { aliasDatabase, replacedDatabase, rolledBackDatabase } from '../../core/names.ts';
import { dump, failTask, succeed, work, type World } from '../lambdas/support/world.ts';
import type { RunTask, TaskRun } from './calls.ts';

/** Where a restore goes, as a test looks at it. */
export interface Place {
  readonly task: RunTask;
  databases(): Promise<string[]>;
  /** What a database holds, in a word that equals for equal rows; undefined when there is none. */
  holds(database: string): Promise<string | undefined>;
  /** What a backup holds, in the same words. */
  backed(target: string, backupId: string): Promise<string | undefined>;
}

interface Held {
  rows: string;
  madeBy?: string;
}

export class FakeServer implements Place {
  readonly #world: World;
  readonly #held = new Map<string, Held>();
  readonly #backups = new Map<string, string>();

  constructor(world: World) {
    this.#world = world;
  }

  set(database: string, rows: string): void {
    this.#held.set(database, { rows });
  }
  databases = (): Promise<string[]> => Promise.resolve([...this.#held.keys()]);
  holds = (database: string): Promise<string | undefined> => Promise.resolve(this.#held.get(database)?.rows);
  backed = (_: string, backupId: string): Promise<string | undefined> => Promise.resolve(this.#backups.get(backupId));

  readonly task: RunTask = async (run) => {
    const { job, attempt, signal } = run;
    await work(this.#world, job.id, 'working', attempt);
    await new Promise(setImmediate);
    try {
      if (signal.aborted) throw new NightjarError('TASK_STOPPED', { operation: 'SIGTERM' });
      await this.#do(job, run);
      return 0;
    } catch (error) {
      const { code, entry } = error as NightjarError;
      await failTask(this.#world, job.id, code, 'its own words', attempt);
      return entry.exitCode;
    }
  };

  async #do(job: Job, { attempt }: TaskRun): Promise<void> {
    switch (job.kind) {
      case 'dump': {
        // The vault lets nothing be overwritten: a second task of the same attempt meets the first one's manifest.
        const there = [...this.#world.vault.objects.keys()].some((key) => key.includes(`${job.id}/manifest.json`));
        if (there) throw new NightjarError('UNEXPECTED', { operation: 'PutObject', detail: 'It is there already.' });
        this.#backups.set(job.id, this.#held.get(job.target.database)!.rows);
        return void (await dump(this.#world, { id: job.id, target: job.target.name, attempt }));
      }
      case 'restore':
        return succeed<'restore'>(this.#world, job.id, { kind: 'restore', ...this.#restore(job) }, attempt);
      case 'rollback':
        return succeed<'rollback'>(this.#world, job.id, { kind: 'rollback', ...this.#rollback(job) }, attempt);
      case 'drop':
        return succeed<'drop'>(this.#world, job.id, { kind: 'drop', dropped: this.#drop(job) }, attempt);
      case 'probe':
        return succeed<'probe'>(this.#world, job.id, { kind: 'probe', findings: [] }, attempt);
    }
  }

  #restore({ id, mode, database, source }: RestoreJob) {
    const rows = this.#backups.get(source.backupId)!;
    const comparison = { mode: 'counts', tablesCompared: 1, rowsExpected: 12, rowsFound: 12 } as const;
    const done = { restoredDatabase: database, comparison: { ...comparison, differences: [], equal: true } };
    const old = replacedDatabase(database, id);
    const serving = this.#held.get(database);
    if (mode === 'overwrite') this.#held.set(database, { rows });
    else if (serving?.madeBy !== id) {
      if (mode === 'new' && serving) throw new NightjarError('DESTINATION_EXISTS');
      this.#held.set(aliasDatabase(database, id), { rows, madeBy: id });
      if (serving) this.#rename(database, old);
      this.#rename(aliasDatabase(database, id), database);
    }
    return { ...done, warnings: [], ...(this.#held.has(old) ? { replacedDatabase: old } : {}) };
  }

  #rollback({ database, replacedDatabase: old, restoreId }: RollbackJob) {
    const setAside = rolledBackDatabase(database, restoreId);
    if (this.#held.has(old)) {
      this.#rename(database, setAside);
      this.#rename(old, database);
    } else if (!this.#held.has(setAside)) throw new NightjarError('ROLLBACK_IMPOSSIBLE');
    return { serving: database, setAside };
  }

  #drop = ({ replacedDatabase: old }: DropJob): boolean => this.#held.delete(old);

  #rename(from: string, to: string): void {
    if (this.#held.has(to)) throw new Error(`There is a database ${to}.`);
    this.#held.set(to, this.#held.get(from)!);
    this.#held.delete(from);
  }
}
