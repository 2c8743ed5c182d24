/**
 * The manifest, which makes a backup of the objects that it names. It is written once: If-None-Match refuses a second one.
 *
 * Uncertain answers: a PUT whose answer was lost is sent again, and S3 then says that the object is there (412), or that
 * its writing is still under way (409, to be tried again). The task's role may not look under which version it lies, so
 * the outcome tells the hash of its bytes instead, and VerifyBackup, which may read, finds the version by that.
 */
import { createHash } from 'node:crypto';
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { Manifest } from '../../core/backup.ts';
import { NightjarError } from '../../core/errors.ts';
import type { OutcomeOf } from '../../core/job.ts';
import { manifestKey } from '../../core/names.ts';
import { patiently, PATIENCE, type Patience } from '../vault-calls.ts';

export interface ManifestPlace {
  readonly s3: S3Client;
  readonly bucket: string;
  readonly patience?: Patience | undefined;
  /** Ends the waiting between tries, not a call: a cancelled one would leave us not knowing. */
  readonly signal: AbortSignal;
}

/**
 * Answers with what the dump has come to.
 *
 * @throws UNEXPECTED when another attempt's manifest is there: a further one would meet it too, so none is asked for;
 * VAULT_…, or the signal's reason.
 */
export async function writeManifest(place: ManifestPlace, manifest: Manifest): Promise<OutcomeOf<'dump'>> {
  const { s3, bucket, patience = PATIENCE, signal } = place;
  const key = manifestKey(manifest.target, manifest.backupId);
  const body = JSON.stringify(manifest, undefined, 2);
  const operation = 'PutObject';
  const command = new PutObjectCommand({
    Bucket: bucket,
    Key: key,
    Body: body,
    ContentType: 'application/json',
    ChecksumAlgorithm: 'CRC32',
    IfNoneMatch: '*',
  });
  const answer = await patiently({ operation, key, patience, signal }, async ({ ambiguous }) => {
    try {
      return await s3.send(command);
    } catch (error) {
      const { name } = error as Error;
      // Without a status it counts as a lost answer, which it is: most likely our own writing is still under way.
      if (name === 'ConditionalRequestConflict') throw new Error(`${name}: ${(error as Error).message}`);
      if (name !== 'PreconditionFailed') throw error;
      if (ambiguous) return 'there';
      const detail = `${key} is there already: an earlier attempt of this backup wrote it. Take another backup.`;
      throw new NightjarError('UNEXPECTED', { operation, detail, cause: error });
    }
  });
  const facts = factsOf(manifest, key);
  if (answer === 'there')
    return { kind: 'unnamed-dump', ...facts, manifestSha256: createHash('sha256').update(body).digest('hex') };
  if (answer.VersionId === undefined)
    throw new NightjarError('VAULT_DENIED', { operation, detail: `${bucket} gave no version: is versioning on?` });
  return { kind: 'dump', ...facts, manifestVersionId: answer.VersionId };
}

function factsOf(manifest: Manifest, key: string) {
  const { tables } = manifest.fingerprint;
  return {
    manifestKey: key,
    snapshotAt: manifest.snapshotAt,
    storedBytes: manifest.storedBytes,
    databaseBytes: manifest.source.databaseBytes,
    rows: tables.reduce((sum, table) => sum + table.rows, 0),
    tables: tables.length,
    consistency: manifest.consistency,
    warnings: manifest.warnings,
  };
}
