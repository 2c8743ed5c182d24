/** How the tests tell the deployed config where their database server is. */
export interface DatabaseFacts {
  readonly host: string;
  readonly port: number;
  readonly ca: string;
  /** Another server, which has nothing at first. */
  readonly elsewhere: Pick<DatabaseFacts, 'host' | 'port' | 'ca'>;
  /** Nobody listens there. */
  readonly closedPort: number;
  /** Of age: what `ledger` is encrypted for. */
  readonly recipient: string;
}

/** Where `ledger` lies: a file of SQLite on EFS. */
export const LEDGER = {
  storage: { fileSystem: 'fs-0fedcba9876543210', accessPoint: 'fsap-0fedcba9876543210', directory: 'books' },
  file: 'ledger.db',
} as const;
/** Under which the identity's secret is made. */
export const IDENTITY = 'ledger-identity';

export const DATABASE_FACTS = 'NIGHTJAR_TEST_DATABASE';

export const databaseFacts = (): DatabaseFacts => JSON.parse(process.env[DATABASE_FACTS] ?? '') as DatabaseFacts;
