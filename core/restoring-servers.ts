/** How restores into servers go: one account for each way in which they give a name to what came back. */
import { isNarrow, NO_SESSION, type RestoreFacts, type Restoring } from './restoring.ts';

const HASH_FIRST = 'Read the archive once for its SHA-256 only, before anything is changed.';
const asPart = (facts: RestoreFacts, step: string): readonly string[] => (isNarrow(facts) ? [step] : []);
const list = (names: readonly string[]): string => names.join(', ') || 'none';
const noRows =
  (why: string): NonNullable<Restoring['refuses']> =>
  (mode, scope) =>
    mode === 'overwrite' && scope.schemaOnly ? why : undefined;

const wholeServer = (users: string, { databases = [], compare }: RestoreFacts): readonly string[] => [
  `Create the ${users} that the server lacks; those that are there stay as they are.`,
  `Create one database after the other, and restore each under its own name: ${databases.join(', ')}. One that is there already is left as it is, and told.`,
  compare,
];

/** A database is made beside the others and renamed into its place. PostgreSQL's way. */
export const RENAMED_DATABASE: Restoring = {
  into: ({ mode, serves, alias }) => (mode === 'overwrite' ? serves : alias),
  steps: (facts) => {
    const { mode, serves, alias, old, place, what, scope, roles, noOwner, compare } = facts;
    const check = [
      noOwner
        ? 'Everything will belong to the restoring user; owners and grants are left out.'
        : `Check on ${place} that the roles of the backup are there (${list(roles)}); stop if not.`,
    ];
    if (facts.databases) return [...check, ...wholeServer('roles and globals', facts)];
    const first = [...(scope.dataOnly ? [] : check), ...asPart(facts, HASH_FIRST)];
    if (mode === 'overwrite') {
      const replacing = scope.schemaOnly
        ? 'in place of the definitions that are there, and only while no table has a row'
        : isNarrow(facts)
          ? 'in place of the rows of those tables'
          : 'in place of all that is there';
      return [
        ...first,
        `In one transaction, restore ${what} into ${serves}, ${replacing}; a session that holds its tables makes it give up.`,
        compare,
        'Commit the transaction; until then nothing has changed.',
      ];
    }
    const made = [
      ...first,
      `Create the database ${alias} and restore ${what} into it, its SHA-256 checked as it streams.`,
      compare,
    ];
    if (mode === 'new') return [...made, `Rename ${alias} to ${serves}.`];
    return [
      ...made,
      `End all sessions on ${serves}.`,
      `Exchange the names in one transaction: ${serves} becomes ${old}, ${alias} becomes ${serves}.`,
    ];
  },
  sessions: ({ mode, serves }) =>
    mode === 'swap' ? { ended: true, words: `all sessions on ${serves} are ended` } : NO_SESSION,
  owners: { mapped: (from, to) => `What ${from} owned or was granted goes to ${to}.` },
};

/** Tables are moved between databases, which have no names to change. The way of MySQL and its kin. */
export const MOVED_TABLES: Restoring = {
  refuses: noRows('definitions of a living database are not replaced without their rows; use mode new'),
  into: ({ alias }) => alias,
  steps: (facts) => {
    const { mode, serves, alias, old, place, what, scope, roles, noOwner, compare } = facts;
    const code = 'views, triggers, routines and events';
    const definers = noOwner
      ? [`Whoever restores becomes the definer of all ${code}.`]
      : [
          `The ${code} keep their definers (${list(roles)}); one whom the server does not know is warned of: what is theirs can be made and not used.`,
        ];
    if (facts.databases) return [...definers, ...wholeServer('users and their rights', facts)];
    const outsiders =
      mode === 'new' || isNarrow(facts) ? '' : `, and that no other database’s foreign key refers to ${serves}`;
    const first = [
      `Check on ${place} that its max_allowed_packet takes the backup’s longest statement${outsiders}; stop if not.`,
      ...(scope.dataOnly || scope.tables ? [] : definers),
    ];
    if (mode === 'overwrite' && isNarrow(facts))
      return [
        ...first,
        `Make empty copies of the living tables in the database ${alias}, and load ${what} into them, rows only, its SHA-256 checked as it streams.`,
        compare,
        `In one transaction, replace the rows of those tables in ${serves}; their definitions stay as they are, and foreign keys do not act meanwhile.`,
        `Drop ${alias}.`,
      ];
    const made = [
      ...first,
      `Create the database ${alias} and restore ${what} into it, its SHA-256 checked as it streams.`,
      compare,
    ];
    if (mode === 'new')
      return [
        ...made,
        `Create ${serves}, move all tables of ${alias} there in one RENAME TABLE, and make its ${code} there; events stay asleep.`,
      ];
    return [
      ...made,
      `Exchange all tables in one RENAME TABLE: those of ${serves} move to ${old}, those of ${alias} to ${serves}.`,
      `Make the ${code} again on both sides: a RENAME does not take them along.`,
      ...(mode === 'overwrite' ? [`Drop ${old}.`] : []),
    ];
  },
  sessions: (facts) =>
    facts.mode === 'new' || isNarrow(facts)
      ? NO_SESSION
      : { ended: true, words: `those that hold tables of ${facts.serves} for more than 2 seconds are ended` },
  owners: { mapped: (from, to) => `What is defined by ${from} (views, triggers, routines, events) will be by ${to}.` },
};

/** Collections are copied into the living database and change places there, one after the other. MongoDB's way. */
export const RENAMED_COLLECTIONS: Restoring = {
  refuses: noRows('definitions without documents would empty the living database; use mode new'),
  into: ({ mode, serves, alias }) => (mode === 'new' ? serves : alias),
  steps: (facts) => {
    const { mode, serves, alias, old, place, what, part, compare } = facts;
    if (facts.databases) return wholeServer('users and roles', facts);
    const first = [
      mode === 'new'
        ? `Check on ${place} that there is no database ${serves}; stop if there is.`
        : `Check on ${place} that ${part ? '' : `${serves} holds no time series, which nobody can rename, and that `}no earlier exchange of names broke off there; stop if so.`,
      ...asPart(facts, HASH_FIRST),
      `Restore ${what} into the database ${mode === 'new' ? serves : alias}, its SHA-256 checked as it streams.`,
      compare,
      'Compare indexes and options with the backup’s.',
    ];
    if (mode === 'new') return first;
    return [
      ...first,
      `Copy the collections of ${alias} into ${serves}, under names that nobody reads.`,
      `Give each of them its name, one after the other, by two renames that take milliseconds${part && mode === 'overwrite' ? '; all other collections stay' : ''}.`,
      `Copy what they replaced out to ${old}${mode === 'overwrite' ? ', and drop it' : ''}.`,
    ];
  },
  sessions: ({ mode }) =>
    mode === 'new'
      ? NO_SESSION
      : { ended: false, words: 'none are ended; a query on a collection that gets its name just then may fail once' },
  owners: { none: 'a database of MongoDB has no owners, and users and roles come back as they are' },
};
