/** The oplog in an archive: what was written while it was dumped. */
import { BSON, type Document } from 'mongodb';
import type { Place } from './archive.ts';

export const isOplog = ({ db, collection }: Place): boolean => db === '' && collection === 'oplog';

/** Notes which collections it changes, as it goes by. */
export class OplogWatch {
  readonly touched = new Set<string>();
  #on = false;
  #pieces: Buffer[] = [];

  block(place: Place): void {
    this.#on = isOplog(place);
  }

  document(bytes: Buffer, from: number, to: number, ends: boolean): void {
    if (!this.#on) return;
    // The bytes are the source's, and an entry has 16 MiB at most.
    this.#pieces.push(Buffer.from(bytes.subarray(from, to)));
    if (!ends) return;
    const entry = BSON.deserialize(Buffer.concat(this.#pieces));
    this.#pieces = [];
    for (const name of namesOf(entry)) this.touched.add(name);
  }
}

/** Collections that an entry changes: also those inside a transaction, and those of a command. */
export function namesOf({ op, ns, o }: Document): string[] {
  const name = String(ns ?? '');
  const body = (o ?? {}) as Document;
  if (op === 'n' || name === '') return [];
  if (op !== 'c') return [name];
  if (Array.isArray(body.applyOps)) return (body.applyOps as Document[]).flatMap(namesOf);
  const database = name.replace(/\.\$cmd$/, '');
  const [command] = Object.keys(body);
  const collection = command === undefined ? undefined : (body[command] as unknown);
  return typeof collection === 'string' ? [`${database}.${collection}`] : [];
}
