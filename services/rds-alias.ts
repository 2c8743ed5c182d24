/** The beginning of an alias: once, however often it is asked for, and never over something that is there. */
import { NightjarError } from '../core/errors.ts';
import type { NativeRestore } from '../core/native.ts';
import { RESTORE_TAG } from '../core/names.ts';
import { exists, refused } from './rds-calls.ts';

export interface AliasCalls {
  /** Tags of what has this name; undefined when nothing has. */
  tags(name: string): Promise<Readonly<Record<string, string>> | undefined>;
  begin(): Promise<void>;
}

/** @throws NightjarError SERVICE_REFUSED when the name is another's, or RDS does not take the request. */
export async function beginAlias({ alias }: NativeRestore, restoreId: string, calls: AliasCalls): Promise<void> {
  const there = await calls.tags(alias);
  if (there) return mustBeOurs(alias, there, restoreId);
  try {
    await calls.begin();
  } catch (error) {
    // An answer that was lost, or somebody who was quicker: the tag tells.
    if (!exists(error)) throw refused('begin the alias (the original was not touched)', alias, error);
    mustBeOurs(alias, (await calls.tags(alias)) ?? {}, restoreId);
  }
}

function mustBeOurs(alias: string, tags: Readonly<Record<string, string>>, restoreId: string): void {
  if (tags[RESTORE_TAG] === restoreId) return;
  throw new NightjarError('SERVICE_REFUSED', {
    operation: 'begin the alias',
    detail: `${alias} is there already and is not of this restore; nothing was begun.`,
  });
}
