/**
 * How an engine tells of its restores, in words for a plan. The accounts say what the code of `tasks/engines` does: those of
 * servers stand in `restoring-servers.ts`, those of files in `restoring-files.ts`, and the rows of `engines.ts` name them.
 */
import type { RestoreMode } from './engines.ts';
import type { Scope } from './scope.ts';

/** What a plan knows. Nothing was asked of a server. */
export interface RestoreFacts {
  readonly mode: RestoreMode;
  /** Name under which the data serves in the end. */
  readonly serves: string;
  /** The working name, and the name of what a swap replaces. */
  readonly alias: string;
  readonly old: string;
  /** Where it goes, for people. */
  readonly place: string;
  /** Of a file: it lies in a mounted file system, and in a bucket otherwise. */
  readonly mounted: boolean;
  /** What comes back, such as `the whole backup`. */
  readonly what: string;
  /** What comes back of the whole: asked for, or all that the backup holds. */
  readonly scope: Scope;
  /** Less than a whole database comes back: what else is in one that is overwritten stays. */
  readonly part: boolean;
  /** Every database of a server. */
  readonly databases?: readonly string[];
  /** Users of the backup, by the names that they get. */
  readonly roles: readonly string[];
  readonly noOwner: boolean;
  /** The step in which rows are compared. */
  readonly compare: string;
}

/** What becomes of the sessions on the database that serves. */
export interface SessionsTold {
  readonly ended: boolean;
  readonly words: string;
}

export interface Restoring {
  /** Why a part can not come back so; undefined where it can. */
  refuses?(mode: RestoreMode, scope: Scope): string | undefined;
  /** The name under which it is made and compared. */
  into(facts: RestoreFacts): string;
  /** What the task does, in order. */
  steps(facts: RestoreFacts): readonly string[];
  sessions(facts: RestoreFacts): SessionsTold;
  /** Whether things have owners that a restore can change, and what a changed one means; else why not. */
  readonly owners: { mapped(from: string, to: string): string } | { readonly none: string };
}

export const NO_SESSION: SessionsTold = { ended: false, words: 'none are ended' };
/** Whether the engine's tools are told to take less than the archive holds, or than a whole database. */
export const isNarrow = ({ scope }: RestoreFacts): boolean => Object.keys(scope).length > 0;
