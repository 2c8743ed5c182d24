/** How the tests tell the deployed config where their database server is. */
export interface DatabaseFacts {
  readonly host: string;
  readonly port: number;
  readonly ca: string;
  /** Nobody listens there. */
  readonly closedPort: number;
}

export const DATABASE_FACTS = 'NIGHTJAR_TEST_DATABASE';

export const databaseFacts = (): DatabaseFacts => JSON.parse(process.env[DATABASE_FACTS] ?? '') as DatabaseFacts;
