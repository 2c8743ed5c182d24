/** What a table must be besides its items: keys and indexes. */
import { canonical, type NativeSettings } from '../../core/native.ts';

type Json = Readonly<Record<string, unknown>>;
const objects = (value: unknown): Json[] => (Array.isArray(value) ? (value as Json[]) : []);

/** Throughput is left out: auto scaling changes it while a table is restored. */
const indexesOf = (value: unknown): string[] =>
  objects(value)
    .map(({ IndexName, KeySchema, Projection }) => JSON.stringify(canonical({ IndexName, KeySchema, Projection })))
    .sort();

/** Name of the attribute of the partition key. */
export const partitionKey = ({ values }: NativeSettings): string | undefined =>
  objects(values.KeySchema).find(({ KeyType }) => KeyType === 'HASH')?.AttributeName as string | undefined;

/** How the keys differ, in a sentence. Keys never change in a table's life. */
export function keysDiffer(expected: NativeSettings, found: NativeSettings): string | undefined {
  const [was, is] = [expected, found].map((one) => JSON.stringify(one.values.KeySchema));
  if (partitionKey(found) !== undefined && was === is) return undefined;
  return `The keys of ${found.name} are ${is ?? 'not known'}, they should be ${was ?? 'known'}.`;
}

/** Which indexes differ, a sentence each. */
export function indexesDiffer(expected: NativeSettings, found: NativeSettings): string[] {
  return (['GlobalSecondaryIndexes', 'LocalSecondaryIndexes'] as const).flatMap((kind) => {
    const [should, is] = [indexesOf(expected.values[kind]), indexesOf(found.values[kind])];
    const nameOf = (index: string): string => String((JSON.parse(index) as Json).IndexName);
    return [
      ...should.filter((one) => !is.includes(one)).map((one) => `${found.name} lacks the index ${nameOf(one)}.`),
      ...is
        .filter((one) => !should.includes(one))
        .map((one) => `${found.name} has an index ${nameOf(one)} that should not be, or not so.`),
    ];
  });
}
