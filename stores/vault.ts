/**
 * The vault as functions and the command line see it: reading, judging, thawing, deleting. Writing data is the task's
 * (`tasks/`). Every failure says what S3 said; a refusal is never taken for an absence.
 */
import { createHash } from 'node:crypto';
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  RestoreObjectCommand,
  type HeadObjectCommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { parseManifest, type AnyManifest, type NativeManifest } from '../core/backup.ts';
import { NightjarError, wordsOf } from '../core/errors.ts';
import { backupPrefix, manifestKey, parseVaultKey } from '../core/names.ts';

/** What S3 says about one version of an object. */
export interface StoredObject {
  readonly bytes: number;
  /** Base64, of the whole object; undefined when S3 keeps none. */
  readonly crc32: string | undefined;
  /** ARN of the KMS key; undefined when it is not encrypted by SSE-KMS. */
  readonly keyArn: string | undefined;
  readonly access: Access;
}

/** `here`: can be read now. `frozen`: archived. `thawing`: asked for, not back yet. */
export type Access = 'here' | 'frozen' | 'thawing';

export interface ObjectVersion {
  readonly key: string;
  readonly versionId: string;
}

/** A version that S3 would not delete, such as one under Object Lock. */
export interface Refusal extends ObjectVersion {
  readonly why: string;
}

export interface OpenUpload {
  readonly key: string;
  readonly uploadId: string;
  /** ISO 8601. */
  readonly since: string;
}

export interface StoredManifest {
  readonly manifest: AnyManifest;
  readonly versionId: string;
  /** Of its bytes, in hex. */
  readonly sha256: string;
}

/** One backup's prefix, as a listing of the bucket shows it. */
export interface FoundPrefix {
  readonly target: string;
  readonly backupId: string;
  /** Undefined when it has none. */
  readonly manifestKey: string | undefined;
}

export interface Vault {
  /** Without a version the current one. @throws NightjarError MANIFEST_INVALID, VAULT_DENIED, VAULT_UNAVAILABLE. */
  readManifest(key: string, versionId?: string): Promise<StoredManifest>;
  /** Only where none is yet; a dump's manifest is written by its task. @throws NightjarError VAULT_DENIED, VAULT_UNAVAILABLE. */
  writeManifest(manifest: NativeManifest): Promise<ObjectVersion>;
  /** Undefined when this version is not there. */
  head(object: ObjectVersion): Promise<StoredObject | undefined>;
  /**
   * Deletes every version under the backup's prefix, the manifest first: what is left by a crash is then no backup any
   * more. Answers with the versions that S3 refused to delete; those are for another day.
   */
  deleteBackup(target: string, backupId: string): Promise<{ deleted: number; refused: Refusal[] }>;
  /** Open multipart uploads, of one backup or of all. */
  listUploads(backup?: { target: string; backupId: string }): Promise<OpenUpload[]>;
  /** Asks for a copy of an archived object for so many days; asking again changes nothing. */
  thaw(object: ObjectVersion, days: number): Promise<void>;
  /** Every backup's prefix after `after`, in the order of keys; `next` is undefined at the end. */
  listPrefixes(options: { after?: string; pages: number }): Promise<{ found: FoundPrefix[]; next: string | undefined }>;
  /** Keys of all manifests. */
  listManifests(): AsyncIterable<string>;
}

/** Storage classes whose objects must be thawed before they can be read. */
const ARCHIVED = new Set(['GLACIER', 'DEEP_ARCHIVE']);
/** S3 takes this many keys in one deletion. */
const DELETE_BATCH = 1_000;

export function accessOf(head: Pick<HeadObjectCommandOutput, 'StorageClass' | 'Restore'>): Access {
  if (!ARCHIVED.has(head.StorageClass ?? '')) return 'here';
  if (head.Restore === undefined) return 'frozen';
  return head.Restore.includes('ongoing-request="true"') ? 'thawing' : 'here';
}

const statusOf = (error: unknown): number | undefined =>
  (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
const nameOf = (error: unknown): string => (error instanceof Error ? error.name : 'unknown');
const isAbsent = (error: unknown): boolean =>
  statusOf(error) === 404 || nameOf(error) === 'NoSuchKey' || nameOf(error) === 'NoSuchVersion';

/** What S3 answered, in our words. */
function vaultError(error: unknown, operation: string, what: string): NightjarError {
  const code = [403, 412].includes(statusOf(error) ?? 0) ? 'VAULT_DENIED' : 'VAULT_UNAVAILABLE';
  const detail = `${what}: ${nameOf(error)}: ${wordsOf(error)}`;
  return new NightjarError(code, { operation, detail, cause: error });
}

export function s3Vault(client: S3Client, bucket: string): Vault {
  const say = async <T>(operation: string, what: string, call: () => Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (error) {
      throw vaultError(error, operation, what);
    }
  };

  async function* listKeys(after?: string): AsyncGenerator<string[]> {
    let token: string | undefined;
    do {
      const page = await say('ListObjectsV2', bucket, () =>
        client.send(
          new ListObjectsV2Command({
            Bucket: bucket,
            ...(token ? { ContinuationToken: token } : after ? { StartAfter: after } : {}),
          }),
        ),
      );
      yield (page.Contents ?? []).flatMap((object) => object.Key ?? []);
      token = page.NextContinuationToken;
    } while (token);
  }

  async function listVersions(prefix: string): Promise<ObjectVersion[]> {
    const found: ObjectVersion[] = [];
    let marker: { KeyMarker?: string; VersionIdMarker?: string } | undefined = {};
    while (marker) {
      const at: { KeyMarker?: string; VersionIdMarker?: string } = marker;
      const page = await say('ListObjectVersions', prefix, () =>
        client.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix, ...at })),
      );
      for (const one of [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])])
        if (one.Key && one.VersionId) found.push({ key: one.Key, versionId: one.VersionId });
      marker = page.IsTruncated
        ? {
            ...(page.NextKeyMarker ? { KeyMarker: page.NextKeyMarker } : {}),
            ...(page.NextVersionIdMarker ? { VersionIdMarker: page.NextVersionIdMarker } : {}),
          }
        : undefined;
    }
    return found;
  }

  async function deleteVersions(versions: readonly ObjectVersion[]): Promise<Refusal[]> {
    const refused: Refusal[] = [];
    for (let start = 0; start < versions.length; start += DELETE_BATCH) {
      const batch = versions.slice(start, start + DELETE_BATCH);
      const answer = await say('DeleteObjects', batch[0]!.key, () =>
        client.send(
          new DeleteObjectsCommand({
            Bucket: bucket,
            Delete: { Objects: batch.map((one) => ({ Key: one.key, VersionId: one.versionId })), Quiet: true },
          }),
        ),
      );
      for (const error of answer.Errors ?? [])
        refused.push({
          key: error.Key ?? '',
          versionId: error.VersionId ?? '',
          why: `${error.Code ?? 'unknown'}: ${error.Message ?? ''}`,
        });
    }
    return refused;
  }

  return {
    async readManifest(key, versionId) {
      let answer;
      try {
        answer = await client.send(
          new GetObjectCommand({ Bucket: bucket, Key: key, ...(versionId ? { VersionId: versionId } : {}) }),
        );
      } catch (error) {
        if (!isAbsent(error)) throw vaultError(error, 'read manifest', key);
        throw new NightjarError('MANIFEST_INVALID', {
          operation: 'read manifest',
          detail: `${key} is not in the vault${versionId ? ` in version ${versionId}` : ''}.`,
          cause: error,
        });
      }
      const bytes = await say('read manifest', key, () => answer.Body!.transformToByteArray());
      return {
        manifest: parseManifest(Buffer.from(bytes).toString('utf8'), key),
        versionId: answer.VersionId ?? versionId ?? '',
        sha256: createHash('sha256').update(bytes).digest('hex'),
      };
    },

    async writeManifest(manifest) {
      const key = manifestKey(manifest.target, manifest.backupId);
      const { VersionId: versionId } = await say('PutObject', key, () =>
        client.send(
          new PutObjectCommand({
            Bucket: bucket,
            Key: key,
            Body: JSON.stringify(manifest, undefined, 2),
            ContentType: 'application/json',
            ChecksumAlgorithm: 'CRC32',
            IfNoneMatch: '*',
          }),
        ),
      );
      if (versionId !== undefined) return { key, versionId };
      throw new NightjarError('VAULT_DENIED', {
        operation: 'PutObject',
        detail: `${bucket} gave no version: is versioning on?`,
      });
    },

    async head({ key, versionId }) {
      try {
        const head = await client.send(
          new HeadObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId, ChecksumMode: 'ENABLED' }),
        );
        return {
          bytes: head.ContentLength ?? 0,
          crc32: head.ChecksumCRC32,
          keyArn: head.ServerSideEncryption === 'aws:kms' ? head.SSEKMSKeyId : undefined,
          access: accessOf(head),
        };
      } catch (error) {
        // S3 calls a version id it can't read a bad request; either way this version is not there.
        if (isAbsent(error) || statusOf(error) === 400 || statusOf(error) === 405) return undefined;
        throw vaultError(error, 'HeadObject', key);
      }
    },

    async deleteBackup(target, backupId) {
      const versions = await listVersions(backupPrefix(target, backupId));
      const manifests = versions.filter((one) => parseVaultKey(one.key)?.isManifest);
      const data = versions.filter((one) => !parseVaultKey(one.key)?.isManifest);
      const refused = await deleteVersions(manifests);
      refused.push(...(await deleteVersions(data)));
      return { deleted: versions.length - refused.length, refused };
    },

    async listUploads(backup) {
      const found: OpenUpload[] = [];
      let marker: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {};
      while (marker) {
        const at: { KeyMarker?: string; UploadIdMarker?: string } = marker;
        const page = await say('ListMultipartUploads', bucket, () =>
          client.send(
            new ListMultipartUploadsCommand({
              Bucket: bucket,
              ...(backup ? { Prefix: backupPrefix(backup.target, backup.backupId) } : {}),
              ...at,
            }),
          ),
        );
        for (const upload of page.Uploads ?? [])
          found.push({
            key: upload.Key ?? '',
            uploadId: upload.UploadId ?? '',
            since: (upload.Initiated ?? new Date(0)).toISOString(),
          });
        marker = page.IsTruncated
          ? {
              ...(page.NextKeyMarker ? { KeyMarker: page.NextKeyMarker } : {}),
              ...(page.NextUploadIdMarker ? { UploadIdMarker: page.NextUploadIdMarker } : {}),
            }
          : undefined;
      }
      return found;
    },

    async thaw({ key, versionId }, days) {
      try {
        await client.send(
          new RestoreObjectCommand({
            Bucket: bucket,
            Key: key,
            VersionId: versionId,
            RestoreRequest: { Days: days, GlacierJobParameters: { Tier: 'Standard' } },
          }),
        );
      } catch (error) {
        if (nameOf(error) !== 'RestoreAlreadyInProgress') throw vaultError(error, 'RestoreObject', key);
      }
    },

    async listPrefixes({ after, pages }) {
      const found = new Map<string, FoundPrefix>();
      let last: string | undefined;
      let page = 0;
      for await (const names of listKeys(after)) {
        for (const name of names) {
          last = name;
          const parsed = parseVaultKey(name);
          if (!parsed) continue;
          const { target, backupId, isManifest } = parsed;
          const seen = found.get(backupId);
          found.set(backupId, { target, backupId, manifestKey: isManifest ? name : seen?.manifestKey });
        }
        page += 1;
        if (page >= pages && last !== undefined) return cutAt(found, last);
      }
      return { found: [...found.values()], next: undefined };
    },

    async *listManifests() {
      for await (const names of listKeys()) yield* names.filter((name) => parseVaultKey(name)?.isManifest);
    },
  };
}

/**
 * A listing that stops in the middle of a prefix has not seen its manifest, which sorts last: that prefix is left for
 * the next listing, which goes on before it; or behind what was seen, where one prefix fills the whole listing.
 */
function cutAt(found: ReadonlyMap<string, FoundPrefix>, last: string): { found: FoundPrefix[]; next: string } {
  const cut = parseVaultKey(last);
  const whole = [...found.values()].filter((one) => one.backupId !== cut?.backupId);
  return { found: whole, next: cut && whole.length > 0 ? backupPrefix(cut.target, cut.backupId) : last };
}
