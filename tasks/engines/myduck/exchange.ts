/** The bucket through which files go to the server and come from it, in the words of its statements. */
import { randomBytes } from 'node:crypto';
import { NightjarError } from '../../../core/errors.ts';
import { exchangeScheme } from '../../../core/names.ts';
import { objectsPlace } from '../../files/objects.ts';
import type { FilePlace } from '../../files/place.ts';
import type { Key } from './keys.ts';
import type { MyduckContext, Scrub } from './wire.ts';

export interface Exchange {
  readonly place: FilePlace;
  /** A name that nobody else uses. */
  readonly object: string;
  /** Of an empty object by which a key is tried. */
  readonly probe: string;
}

export function openExchange({ target, s3, signal, report }: MyduckContext): Exchange {
  const { bucket, prefix } = target.exchange;
  const object = `${target.name}-${randomBytes(10).toString('hex')}.db`;
  return {
    place: objectsPlace({ s3, bucket, prefix, signal, alive: () => report.moved(0) }),
    object,
    probe: `${object}.key`,
  };
}

/**
 * The server takes a database's name as it stands between two blanks, and makes a file's name of it; no quoting is known to
 * it. Source: `backup_handler.go`.
 */
export function plainDatabase(name: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_-]*$/.test(name)) return name;
  throw new NightjarError('INPUT_INVALID', {
    operation: 'name a database',
    detail: `${JSON.stringify(name)}: MyDuck’s BACKUP and RESTORE know names of letters, digits, _ and - only.`,
  });
}

/** `BACKUP DATABASE … TO` or `RESTORE DATABASE … FROM`. Holds the secret: for the wire only. */
export function statement(
  verb: 'BACKUP' | 'RESTORE',
  { target, env }: Pick<MyduckContext, 'target' | 'env'>,
  database: string,
  object: string,
  key: Key,
): string {
  const { bucket, prefix } = target.exchange;
  const path = `${bucket}/${prefix}${object}`;
  if (!/^[A-Za-z0-9!_.*()/=-]+$/.test(path))
    throw new NightjarError('INPUT_INVALID', {
      operation: 'name an object',
      detail: `exchange.prefix ${JSON.stringify(prefix)}: MyDuck reads the object’s name as a URL; use letters, digits and !_.*()/=- only.`,
    });
  const endpoint = target.exchange.endpoint ?? `s3.${env.AWS_REGION ?? 'us-east-1'}.amazonaws.com`;
  const parts = [
    `${verb} DATABASE ${plainDatabase(database)} ${verb === 'BACKUP' ? 'TO' : 'FROM'} '${exchangeScheme(endpoint)}://${path}'`,
    `ENDPOINT = '${endpoint}'`,
    `ACCESS_KEY_ID = '${key.id}'`,
    `SECRET_ACCESS_KEY = '${key.secret}'`,
  ];
  return parts.join(' ');
}

/** Hides a key in what the server says. */
export const scrubbing =
  (key: () => Key | undefined): Scrub =>
  (text) => {
    const known = key();
    return known ? text.replaceAll(known.secret, '***').replaceAll(known.id, '***') : text;
  };
