/** What mongodump is told, by what is asked for and by what the server is. */
import type { BackupScope } from '../../../core/scope.ts';
import { NightjarError } from '../../../core/errors.ts';
import type { Collection } from './collections.ts';
import { OURS } from './names.ts';
import type { Topology } from './server.ts';
import { collectionsAtOnce } from './tool-run.ts';

export interface DumpPlan {
  /** Besides how to come in. Empty of a backup that no tool makes. */
  readonly args: readonly string[];
  readonly oplog: boolean;
  /** Why it is of no one moment, where that is known before. */
  readonly warning: string | undefined;
}

/** What a scope takes of a database's collections. @throws INPUT_INVALID for a name that is not there. */
export function chosen<C extends Collection>(all: readonly C[], scope: BackupScope | undefined): C[] {
  const named = scope?.tables ?? scope?.exclude ?? [];
  const missing = named.filter((name) => !all.some((one) => one.name === name));
  // What is to be left out may be gone by itself.
  if (scope?.tables && missing.length > 0)
    throw new NightjarError('INPUT_INVALID', {
      operation: 'read scope',
      detail: `The database has no collection ${missing.join(', ')}; the scope of the target names it.`,
    });
  if (scope?.tables) return all.filter((one) => named.includes(one.name));
  return all.filter((one) => !scope?.exclude?.includes(one.name));
}

/** `--oplog` goes with a whole server that is one replica set, and with nothing else. Source: mongodump, ValidateOptions. */
export function planDump(
  database: string,
  scope: BackupScope | undefined,
  topology: Topology,
  all: readonly Collection[],
  /** What an exchange of names has under way in that database: no data. */
  underway: readonly string[] = [],
): DumpPlan {
  const oplog = scope?.allDatabases === true && !scope.schemaOnly && topology === 'replicaSet';
  const place = scope?.allDatabases ? [] : [`--db=${database}`];
  return {
    args: [
      '--archive',
      collectionsAtOnce(),
      ...place,
      ...narrowed(scope, all, underway),
      ...(oplog ? ['--oplog'] : []),
    ],
    oplog,
    warning: oplog ? undefined : whyNone(topology, scope),
  };
}

function narrowed(scope: BackupScope | undefined, all: readonly Collection[], underway: readonly string[]): string[] {
  if (scope?.allDatabases) return [];
  const wanted = chosen(all, scope);
  // mongodump takes one collection or all but some.
  if (scope?.tables && wanted.length === 1) return [`--collection=${wanted[0]!.name}`];
  const left = all.filter((one) => !wanted.includes(one)).map((one) => one.name);
  return [...left, ...OURS, ...underway].map((name) => `--excludeCollection=${name}`);
}

function whyNone(topology: Topology, scope: BackupScope | undefined): string | undefined {
  if (scope?.schemaOnly) return undefined;
  const what =
    'The collections were read one after the other: what was written meanwhile may be in one and not in another.';
  switch (topology) {
    case 'standalone':
      return `${what} A standalone server has no oplog; a replica set, even of one member, has.`;
    case 'sharded':
      return `${what} Through mongos there is no oplog; stop writers, or use the snapshots of what runs the cluster.`;
    case 'replicaSet':
      return `${what} mongodump takes the oplog of whole servers only: set scope.allDatabases.`;
  }
}
