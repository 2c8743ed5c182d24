/**
 * On the dump's way into the archive: values of generated columns become `DEFAULT`. mariadb-dump writes them out, and MySQL
 * takes no value for such a column (error 3105), so that the archive could not be restored, by hand neither.
 */
import { Readable } from 'node:stream';
import { NightjarError } from '../../../core/errors.ts';
import { DumpLexer } from './dump-lexer.ts';

const NONE: ReadonlySet<number> = new Set();

export function withoutGenerated(from: Readable, generated: ReadonlyMap<string, ReadonlySet<string>>): Readable {
  if (generated.size === 0) return from;
  const lexer = new DumpLexer({
    statement: (text) => text,
    comment: (text) => text,
    rows(table, columns) {
      const names = generated.get(table);
      if (!names) return NONE;
      return new Set(columns.flatMap((name, index) => (names.has(name) ? [index] : [])));
    },
    rowsEnd: () => undefined,
  });
  return Readable.from(
    (async function* () {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        let parts: Buffer[];
        try {
          parts = lexer.push(chunk);
        } catch (cause) {
          throw new NightjarError('READ_THROUGH_FAILED', { operation: 'read the dump', detail: String(cause), cause });
        }
        if (parts.length > 0) yield parts.length === 1 ? parts[0]! : Buffer.concat(parts);
      }
      const rest = lexer.rest();
      if (rest.length > 0) yield rest;
    })(),
    { objectMode: false, highWaterMark: 1024 * 1024 },
  );
}
