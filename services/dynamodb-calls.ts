/** How answers of DynamoDB and its neighbours are told apart: not there, busy, refused. */
import { NightjarError } from '../core/errors.ts';

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : '');
export const isNamed = (error: unknown, names: readonly string[]): boolean => names.includes(nameOf(error));

/** The table, index, backup or policy is not there. */
export const MISSING = [
  'ResourceNotFoundException',
  'TableNotFoundException',
  'BackupNotFoundException',
  'PolicyNotFoundException',
] as const;

/**
 * Something else is being done to it: ask again later. `LimitExceededException` is among them: 500 table operations, or 50
 * restores, may run in an account at once. Source: AWS, DynamoDB API reference, RestoreTableToPointInTime and UpdateTable.
 */
export const BUSY = [
  'ResourceInUseException',
  'TableInUseException',
  'BackupInUseException',
  'LimitExceededException',
  'ContinuousBackupsUnavailableException',
  'ConcurrentUpdateException',
  'ThrottlingException',
  'TooManyRequestsException',
] as const;

/** TTL may be changed once an hour. Source: AWS, DynamoDB API reference, UpdateTimeToLive. */
const TTL_TOO_SOON = /time to live has been modified multiple times/i;
export const isBusy = (error: unknown): boolean =>
  isNamed(error, BUSY) || (error instanceof Error && TTL_TOO_SOON.test(error.message));

/** Undefined when the service answers with one of these names. */
export async function unless<T>(names: readonly string[], call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (isNamed(error, names)) return undefined;
    throw error;
  }
}

/** Words of the service with its name for them, such as `ValidationException: no such index`. */
export const wordsOf = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}` : String(error);

/** @throws NightjarError SERVICE_REFUSED that names the call and the table, unless the call is answered. */
export async function calling<T>(operation: string, table: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw refused(operation, table, error);
  }
}

/** An error that already has a code keeps it. */
export const refused = (operation: string, table: string, error: unknown): NightjarError =>
  error instanceof NightjarError
    ? error
    : new NightjarError('SERVICE_REFUSED', { operation, detail: `${table}: ${wordsOf(error)}`, cause: error });

export const pause = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));

/** The region an ARN names. */
export const regionOf = (arn: string): string => arn.split(':')[3] ?? '';
/** The table an ARN names: of the table itself, its index, stream or backup. */
export const tableOf = (arn: string): string => arn.split(':').slice(5).join(':').split('/')[1] ?? '';
