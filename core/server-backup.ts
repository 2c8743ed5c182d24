/** A backup of every database of a server: what is known of each, and which of them a restore takes. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Comparison, Manifest } from './backup.ts';
import { NightjarError } from './errors.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const extensions = z.array(z.object({ name: z.string(), version: z.string() }));
const details = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));

/** What a manifest of its own would say otherwise. */
export const heldDatabaseSchema = z.object({
  database: z.string(),
  /** The moment this one is of: databases that are dumped one after another have their own. */
  snapshotAt: z.iso.datetime(),
  databaseBytes: z.int().nonnegative(),
  owner: z.string().optional(),
  details,
  extensions,
  /** Where they are known of each: those of the whole otherwise. */
  roles: z.array(z.string()).optional(),
  /** Absent where one archive holds them all. */
  archive: z.object({ bytes: z.int().nonnegative(), sha256 }).optional(),
});
export type HeldDatabase = z.output<typeof heldDatabaseSchema>;

/** Several archives as one: their bytes, and the SHA-256 over their SHA-256s in hex, one a line, in their order. */
const joinedArchive = (archives: readonly Manifest['archive'][]): Manifest['archive'] => ({
  bytes: archives.reduce((sum, one) => sum + one.bytes, 0),
  sha256: createHash('sha256')
    .update(archives.map((one) => `${one.sha256}\n`).join(''))
    .digest('hex'),
});

/** An archive as it was written: of one database, or of all that there are. */
export interface WrittenArchive {
  readonly database?: string | undefined;
  readonly archive: Manifest['archive'];
}

/** What the manifest says of archives. @throws NightjarError UNEXPECTED when databases and archives don't match. */
export function archiveFacts(
  archives: readonly WrittenArchive[],
  databases: readonly Omit<HeldDatabase, 'archive'>[] | undefined,
): Pick<Manifest, 'archive' | 'databases'> {
  const own = new Map(archives.map((one) => [one.database, one.archive]));
  const shared = own.get(undefined);
  const expected = shared ? [undefined] : (databases?.map((one) => one.database) ?? []);
  if (
    expected.length === 0 ||
    archives.length !== expected.length ||
    !expected.every((name) => own.has(name)) ||
    databases?.length === 0
  )
    throw new NightjarError('UNEXPECTED', {
      operation: 'dump',
      detail: `Archives of ${[...own.keys()].map((name) => name ?? 'all').join(', ') || 'none'}, databases ${databases?.map((one) => one.database).join(', ') ?? 'one'}.`,
    });
  return {
    archive: shared ?? joinedArchive(archives.map((one) => one.archive)),
    ...(databases === undefined
      ? {}
      : { databases: databases.map((one) => ({ ...one, ...(shared ? {} : { archive: own.get(one.database)! }) })) }),
  };
}

/** The databases that a backup holds, as its server called them. */
export const databasesIn = ({ databases, source }: Pick<Manifest, 'databases' | 'source'>): readonly string[] =>
  databases?.map((one) => one.database) ?? [source.database];

export interface DatabaseChoice {
  /** Name under which it serves afterwards. */
  readonly database: string;
  readonly fromDatabase?: string | undefined;
}

/**
 * Which database of the backup comes back: the one that was named, else the one of the name under which it will serve, else
 * the one that the target is for. @throws NightjarError INPUT_INVALID, with those there are.
 */
export function chooseDatabase(manifest: Manifest, { database, fromDatabase }: DatabaseChoice): string {
  const held = databasesIn(manifest);
  const wished = fromDatabase ?? (held.includes(database) ? database : manifest.source.database);
  if (held.includes(wished)) return wished;
  throw new NightjarError('INPUT_INVALID', {
    operation: 'choose database',
    detail: `The backup ${manifest.backupId} holds no database ${wished}; it holds ${held.slice(0, 50).join(', ')}${held.length > 50 ? ` and ${held.length - 50} more` : ''}.`,
  });
}

/** @throws NightjarError SCOPE_REFUSED of a backup of one database. */
export function wholeServer(manifest: Manifest): Manifest {
  if (manifest.databases) return manifest;
  throw new NightjarError('SCOPE_REFUSED', {
    operation: 'choose database',
    detail: `The backup ${manifest.backupId} is of the database ${manifest.source.database} alone.`,
  });
}

/** The manifest as if this database had been backed up alone. @throws NightjarError INPUT_INVALID when it is not in it. */
export function manifestOfDatabase(manifest: Manifest, database: string): Manifest {
  const { databases, ...whole } = manifest;
  chooseDatabase(manifest, { database, fromDatabase: database });
  const held = databases?.find((one) => one.database === database);
  if (!held) return manifest;
  const { snapshotAt, databaseBytes, owner, details: own, extensions: its, roles, archive } = held;
  const source = { ...whole.source };
  delete source.owner;
  const objects = whole.objects.filter((one) => one.database === undefined || one.database === database);
  return {
    ...whole,
    snapshotAt,
    source: {
      ...source,
      database,
      databaseBytes,
      ...(owner === undefined ? {} : { owner }),
      details: { ...source.details, ...own },
    },
    extensions: its,
    roles: roles ?? whole.roles,
    archive: archive ?? whole.archive,
    objects,
    storedBytes: objects.reduce((sum, one) => sum + one.bytes, 0),
    fingerprint: {
      ...whole.fingerprint,
      tables: whole.fingerprint.tables.flatMap(({ database: of, ...print }) => (of === database ? [print] : [])),
    },
  };
}

/** What was found in each database, as one: schemas are told with their database. */
export const joinedComparison = (
  parts: readonly { readonly database: string; readonly comparison: Comparison }[],
): Comparison => ({
  mode: parts[0]?.comparison.mode ?? 'none',
  tablesCompared: parts.reduce((sum, { comparison }) => sum + comparison.tablesCompared, 0),
  rowsExpected: parts.reduce((sum, { comparison }) => sum + comparison.rowsExpected, 0),
  rowsFound: parts.reduce((sum, { comparison }) => sum + comparison.rowsFound, 0),
  differences: parts.flatMap(({ database, comparison }) =>
    comparison.differences.map((one) => ({
      ...one,
      schema: one.schema === '' ? database : `${database}.${one.schema}`,
    })),
  ),
  equal: parts.every(({ comparison }) => comparison.equal),
});
