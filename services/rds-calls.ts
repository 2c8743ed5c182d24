/** How answers of RDS are told apart (not there, busy, refused), and how its lists are read to their end. */
import type { RDSClient } from '@aws-sdk/client-rds';
import { NightjarError } from '../core/errors.ts';
import type { Sends } from './clients.ts';

export type Rds = Sends<RDSClient>;

/** The error's code, however the client names it: with or without `Fault`. */
export const codeOf = (error: unknown): string => (error instanceof Error ? error.name.replace(/Fault$/, '') : '');

const MISSING = /^(DBInstance|DBCluster|DBSnapshot|DBClusterSnapshot|DBClusterEndpoint)NotFound$/;
export const isMissing = (error: unknown): boolean => MISSING.test(codeOf(error));
/** Something else is being done to it: look again. */
export const isBusy = (error: unknown): boolean =>
  /^Invalid(DBInstance|DBCluster|DBSnapshot|DBClusterSnapshot|DBClusterEndpoint)State$/.test(codeOf(error));
export const exists = (error: unknown): boolean => codeOf(error).endsWith('AlreadyExists');
/** The request itself is not to RDS's liking: asking again changes nothing. */
export const isRefused = (error: unknown): boolean =>
  /^(InvalidParameter(Value|Combination)|ValidationError|.*NotSupported|.*NotAllowed|.*NotFound|.*NotAvailableInAZ|.*NotAccessible|InvalidVPCNetworkState)$/.test(
    codeOf(error),
  );

/** RDS's words with its name for them. */
export const wordsOf = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}` : String(error);

/** An error that already has a code keeps it. */
export const refused = (operation: string, name: string, error: unknown): NightjarError =>
  error instanceof NightjarError
    ? error
    : new NightjarError('SERVICE_REFUSED', { operation, detail: `${name}: ${wordsOf(error)}`, cause: error });

/** @throws NightjarError SERVICE_REFUSED that names the call and the resource, unless the call is answered. */
export async function calling<T>(operation: string, name: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw refused(operation, name, error);
  }
}

/** Undefined when the answer is an error of this kind. */
export async function unless<T>(is: (error: unknown) => boolean, call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (is(error)) return undefined;
    throw error;
  }
}

/** A list to its end. `page` asks with a marker and answers with the elements and the next marker. */
export async function all<T>(
  page: (marker: {
    Marker?: string;
  }) => Promise<{ readonly found: readonly T[] | undefined; readonly marker: string | undefined }>,
): Promise<T[]> {
  const collected: T[] = [];
  let marker: string | undefined;
  do {
    const answer = await page(marker === undefined ? {} : { Marker: marker });
    collected.push(...(answer.found ?? []));
    marker = answer.marker;
  } while (marker !== undefined && marker !== '');
  return collected;
}

/** `arn:aws:rds:REGION:ACCOUNT:KIND:NAME`. */
export const regionOf = (arn: string): string => arn.split(':')[3] ?? '';
export const nameOf = (arn: string): string => arn.split(':').slice(6).join(':');
/** The ARN of something beside this resource. */
export const siblingArn = (arn: string, kind: string, name: string): string =>
  [...arn.split(':').slice(0, 5), kind, name].join(':');

/** The ARN of the same name in another region: where a copy is. */
export const inRegion = (arn: string, region: string): string =>
  [...arn.split(':').slice(0, 3), region, ...arn.split(':').slice(4)].join(':');

export const tagsOf = (
  list: readonly { Key?: string | undefined; Value?: string | undefined }[] | undefined,
): Record<string, string> =>
  Object.fromEntries(
    (list ?? []).flatMap(({ Key, Value }) => (Key === undefined ? [] : [[Key, Value ?? ''] as const])),
  );
/** Tags that start so are AWS's own and can be set by nobody else. Source: AWS, RDS User Guide, "Tagging Amazon RDS resources". */
export const settable = (tags: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(tags).filter(([key]) => !key.startsWith('aws:')));
export const asTags = (tags: Readonly<Record<string, string>>): { Key: string; Value: string }[] =>
  Object.entries(settable(tags)).map(([Key, Value]) => ({ Key, Value }));

export const isoOf = (date: Date | undefined): string | undefined => date?.toISOString();
export const GIB = 2 ** 30;
