/** How restores of databases that are files go: made and compared on the task's own disk, and only then given a name. */
import { NO_SESSION, type RestoreFacts, type Restoring } from './restoring.ts';

const FILE_OWNERS = { none: 'what is in a database file belongs to nobody' } as const;

const OBJECT = { ended: false, words: 'none are ended; if the object is written while it is being kept, it gives up' };

/** `check`: what looks at it there. */
const toDisk = (facts: RestoreFacts, check: string): readonly string[] => [
  facts.mode === 'new'
    ? `Check that ${facts.place} has no file ${facts.serves}; stop if it has.`
    : `Check that ${facts.serves} in ${facts.place} can be replaced; stop if not.`,
  `Bring ${facts.what} to the task’s own disk, compare its SHA-256, and ${check}.`,
  facts.compare,
];
const exchanged = ({ serves, alias, old, mounted }: RestoreFacts, guarded: string): readonly string[] => [
  `Put it beside ${serves} as ${alias}.`,
  mounted
    ? `${guarded}, exchange the names by renaming: ${serves} becomes ${old}, ${alias} becomes ${serves}.`
    : `Copy ${serves} to ${old}, and stop if it was written meanwhile; then copy ${alias} over ${serves}. Objects have no names to change, and the bucket keeps their versions.`,
];

/** One file under the locks that every user of it respects. SQLite's way. */
export const LOCKED_FILE: Restoring = {
  refuses: (mode, { schemaOnly }) =>
    mode === 'overwrite' && schemaOnly ? 'a schema would overwrite rows with nothing; use mode new' : undefined,
  into: ({ mode, serves, alias, mounted }) => (mode === 'new' || (mode === 'overwrite' && mounted) ? serves : alias),
  steps: (facts) => {
    const { mode, serves, old, mounted } = facts;
    const first = toDisk(facts, 'have SQLite check its integrity');
    if (mode === 'new') return [...first, `Store it as ${serves}.`];
    const swapped = exchanged(facts, 'Under a lock that keeps writers out');
    if (mode === 'swap') return [...first, ...swapped];
    const rows = 'replace the tables of the backup, and leave all others as they are';
    if (mounted)
      return [
        ...first,
        facts.part
          ? `In one transaction in ${serves}, ${rows}.`
          : `Write it into the living ${serves} by SQLite’s own restore, under an exclusive lock: readers see the old content or the new.`,
      ];
    return [
      ...first,
      ...(facts.part ? [`In a copy of ${serves} on the task’s disk, ${rows}; stop if it was written meanwhile.`] : []),
      ...swapped,
      `Remove ${old}.`,
    ];
  },
  sessions: ({ mode, mounted }) =>
    mode === 'new'
      ? NO_SESSION
      : mounted
        ? { ended: false, words: 'none are ended; a writer that does not let go in time makes it give up' }
        : OBJECT,
  owners: FILE_OWNERS,
};

/** One file that one process has open for writing. DuckDB's way. */
export const HELD_FILE: Restoring = {
  refuses: (mode, { tables, schemaOnly }) =>
    mode === 'overwrite' && tables && schemaOnly
      ? 'definitions of some tables can’t replace those of a living database; use mode new'
      : undefined,
  into: ({ mode, serves, alias }) => (mode === 'new' ? serves : alias),
  steps: (facts) => {
    const { mode, serves, old } = facts;
    const merging = mode === 'overwrite' && facts.part;
    const first = toDisk(
      facts,
      merging ? `put its tables into a copy of ${serves} there, with all others as they are` : 'read it with DuckDB',
    );
    if (mode === 'new') return [...first, `Store it as ${serves}.`];
    return [
      ...first,
      ...exchanged(facts, 'While no other process can write to it'),
      ...(mode === 'overwrite' ? [`Remove ${old}.`] : []),
    ];
  },
  sessions: ({ mode, mounted }) =>
    mode === 'new'
      ? NO_SESSION
      : mounted
        ? { ended: false, words: 'none are ended; a process that writes to the file makes it give up' }
        : OBJECT,
  owners: FILE_OWNERS,
};

/** The server takes a file from a bucket by a statement of its own. MyDuck's way. */
export const FETCHED_FILE: Restoring = {
  into: ({ serves }) => serves,
  steps: ({ serves, place, what, compare }) => [
    `Check on ${place} that there is no database ${serves} and that the server’s DuckDB reads the backup’s file; stop if not.`,
    `Bring ${what} to the task’s own disk and compare its SHA-256.`,
    compare,
    `Put the file into the exchange bucket, and have the server take it by RESTORE DATABASE ${serves}, with a key that is made for it and thrown away.`,
    'Remove the file from the exchange bucket, and count the rows on the server.',
  ],
  sessions: () => NO_SESSION,
  owners: FILE_OWNERS,
};
